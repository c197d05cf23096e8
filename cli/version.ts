/**
 * Whether the runtime of the command is one that it can run on.
 *
 * @module
 */

import process from "node:process";
import { tooOld } from "../core/doctor/version.ts";
import type { CommandLine } from "./arguments.ts";

/** What says something true on any runtime. */
const ANYWHERE: readonly CommandLine["kind"][] = ["doctor", "help", "version"];

/**
 * Asks before anything is loaded that an old runtime fails at.
 *
 * @throws {TypeError} where it is too old
 */
export function refuseOldRuntime(kind: CommandLine["kind"]): void {
  const problem = tooOld(process.versions);
  if (problem !== undefined && !ANYWHERE.includes(kind)) {
    throw new TypeError(problem);
  }
}
