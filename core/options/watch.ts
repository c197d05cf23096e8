/**
 * Reloads by the files that change, and what is quicker then.
 *
 * @module
 */

import { duration, show, unless } from "./values.ts";

/** The options that say so. */
export interface WatchOptions {
  /**
   * For development: reload when files change. `true` is for the scripts, `.json`
   * and `.wasm` in the directory of the program and below, files that end as the
   * program does, and `envFile`. Globs such as `"src/**"` are for the files that
   * they match, `"!data.json"` leaves out; they begin in `cwd`. An array may
   * hold `true` beside globs. Below `node_modules`, and directories that begin
   * with a dot, nothing is watched unless a glob begins there.
   *
   * Unless they are given, `soak` is 200, `probation` 0 and `grace` 2,000 then.
   *
   * @default {false}
   */
  readonly watch?: boolean | string | readonly (string | true)[];
  /**
   * The time the first worker of a new generation must live before the reload
   * goes on, and that a program which cannot say when it is ready must live to
   * be taken as ready (1,000 with `watch`, too).
   *
   * @default {1_000}
   */
  readonly soak?: number;
  /**
   * The time after the last slot of a reload in which the old workers wait, and
   * the end of a new one by itself brings them back.
   *
   * @default {10_000}
   */
  readonly probation?: number;
  /**
   * The time a draining worker has before it is killed.
   *
   * @default {30_000}
   */
  readonly grace?: number;
}

/** The same, checked. */
export interface WatchConfig {
  /** Globs, and true for what is watched without one; undefined for nothing. */
  readonly watch: readonly (string | true)[] | undefined;
  /** Soak time, ms. */
  readonly soak: number;
  /** How long a program that cannot say that it is ready must live, ms. */
  readonly trial: number;
  /** Probation time, ms. */
  readonly probation: number;
  /** Drain deadline, ms. */
  readonly grace: number;
}

/** What is assumed, with and without `watch`, in ms. */
const USUAL = { soak: 1_000, probation: 10_000, grace: 30_000 };
const QUICK = { soak: 200, probation: 0, grace: 2_000 };

/**
 * Checks them.
 *
 * @throws {TypeError} when `watch` is no glob
 * @throws {RangeError} when a time is out of range
 */
export function checkWatch(options: WatchOptions): WatchConfig {
  const watch = checkGlobs(unless(options.watch, false));
  const assumed = watch === undefined ? USUAL : QUICK;
  return {
    watch,
    soak: duration("soak", unless(options.soak, assumed.soak)),
    trial: unless(options.soak, USUAL.soak),
    probation: duration(
      "probation",
      unless(options.probation, assumed.probation),
    ),
    grace: duration("grace", unless(options.grace, assumed.grace)),
  };
}

function checkGlobs(value: unknown): WatchConfig["watch"] {
  if (value === false) return undefined;
  const globs: readonly unknown[] = Array.isArray(value) ? value : [value];
  // Not by find(): a wrong one may be undefined.
  const wrong = globs.findIndex((glob) =>
    glob !== true && (typeof glob !== "string" || /^!?$/.test(glob))
  );
  if (globs.length > 0 && wrong < 0) return globs as readonly (string | true)[];
  throw new TypeError(
    `Cannot use ${
      show(globs.length > 0 ? globs[wrong] : "[]")
    } for "watch": it must be true, a glob such as "src/**", or an array of them`,
  );
}
