/**
 * What the command tells the preloaded part of an unmodified program.
 *
 * @module
 */

import process from "node:process";
import { PRELOAD_VARIABLE } from "../../core/launch/environment.ts";
import type { Title } from "../process/names.ts";

/** What the user asked for; `PREFORK_PRELOAD` carries it as JSON. */
export interface Settings {
  /** True to leave addresses alone that the pool does not hold. */
  readonly privatePorts: boolean;
  /** True when the program says itself that it is ready. */
  readonly waitReady: boolean;
  /** True when a command was started that may be no JavaScript itself. */
  readonly wrapped: boolean;
  /** The time that a worker has to become ready, in ms. */
  readonly startTimeout: number;
  /** What the process is called, in a pool that has a name. */
  readonly title: Title | undefined;
}

/** Reads the settings and removes them from the environment. */
export function takeSettings(): Settings {
  const settings: Partial<Settings> = JSON.parse(
    process.env[PRELOAD_VARIABLE] ?? "{}",
  );
  delete process.env[PRELOAD_VARIABLE];
  return {
    privatePorts: settings.privatePorts === true,
    waitReady: settings.waitReady === true,
    wrapped: settings.wrapped === true,
    startTimeout: Number(settings.startTimeout) || 0,
    title: settings.title,
  };
}
