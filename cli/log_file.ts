/**
 * A file that lines are appended to, until another one is at its path.
 *
 * @module
 */

import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  codeOf,
  forbiddenIn,
  messageOf,
  PreforkError,
} from "../core/errors.ts";
import { ownFile } from "../core/watch/own.ts";
import { SafeOutput } from "./output.ts";

/**
 * Each write is at the end, whoever else writes there (logrotate's copytruncate,
 * a successor), and no pipe makes anybody wait.
 */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT |
  constants.O_NONBLOCK | constants.O_NOCTTY;

/** What a new file may be, less what the umask takes. */
const MODE = 0o640;

/** A file, and what is written to it. */
export class LogFile {
  /** Its absolute path. */
  readonly path: string;
  /** Writes to it. */
  readonly output: SafeOutput;
  #fd: number;

  /**
   * Opens it, or makes it.
   *
   * @param option which option names it
   * @param makes its directory, where that is not there
   * @throws {PreforkError} `ERR_LOG_FILE` when it cannot be opened
   */
  constructor(path: string, option: string, makes = false) {
    this.path = resolve(path);
    ownFile(this.path);
    try {
      if (makes) mkdirSync(dirname(this.path), { recursive: true });
      this.#fd = openSync(this.path, APPEND, MODE);
    } catch (error) {
      throw logFileError(path, option, error);
    }
    this.output = new SafeOutput((bytes) => writeSync(this.#fd, bytes));
  }

  /**
   * Opens what is at its path now, or makes it, as after it was renamed. Where
   * that fails it goes on with the file that it has.
   *
   * @throws {Error} the system's
   */
  reopen(): void {
    const fd = openSync(this.path, APPEND, MODE);
    const old = this.#fd;
    this.#fd = fd;
    closeSync(old);
  }
}

/** The error of a file that cannot be opened. */
export function logFileError(
  path: string,
  option: string,
  cause: unknown,
): PreforkError {
  return new PreforkError(
    "ERR_LOG_FILE",
    `Cannot use "${path}" for "${option}": ${
      forbiddenIn(cause) ??
        `it cannot be opened (${
          codeOf(cause) ?? messageOf(cause)
        }), name a file in a directory that is there and that this user may write into`
    }`,
    cause,
  );
}
