/**
 * Where a pool writes how it is.
 *
 * @module
 */

import { text } from "./values.ts";

/** The option that says so. */
export interface StatusFileOptions {
  /**
   * A file that holds `status()` as JSON, with `pid`, this process' id, and
   * `at`, when it was written (ISO 8601). It is replaced in one step at every
   * change of importance, at most five times a second, and removed when the
   * pool has ended; in an upgrade it is the new supervisor's once that serves.
   * A pool that cannot write it does not start.
   *
   * @default there is none
   */
  readonly statusFile?: string;
}

/** The same, checked. */
export interface StatusFileConfig {
  /** The status file, if there is one. */
  readonly statusFile: string | undefined;
}

/**
 * Checks the path.
 *
 * @throws {TypeError} when it is none
 */
export function checkStatusFile(
  { statusFile }: StatusFileOptions,
): StatusFileConfig {
  return {
    statusFile: statusFile === undefined
      ? undefined
      : text("statusFile", statusFile),
  };
}
