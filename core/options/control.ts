/**
 * How a pool is found and asked from outside: the options for it.
 *
 * @module
 */

import { show, text } from "./values.ts";

/** The options that say so. */
export interface ControlOptions {
  /**
   * A file for the process id of this supervisor, from before the first worker
   * to the end. While another pool runs that has it, this one does not start. In
   * an upgrade it names who serves, and with `.old` behind it who drains.
   *
   * @default there is none
   */
  readonly pidFile?: string;
  /**
   * What the pool is called where several are told apart: 1 to 48 letters,
   * digits, `.`, `_` or `-`. Its workers are called by it where processes are
   * listed, as in `prefork: web worker 2 server.js`.
   *
   * @default the address of its first listener
   */
  readonly name?: string;
  /**
   * Where the pool can be asked from outside, by the verbs of the command and by
   * HTTP (docs/CONTROL.md): the path of a Unix socket, `"auto"` for one by the
   * name of the pool in a directory of this user, or `"off"`. Where that cannot
   * be made the pool runs without, and an event says why.
   *
   * @default {"off"} The `prefork` command has `"auto"`.
   */
  readonly control?: string;
}

/** The same, checked. */
export interface ControlConfig {
  /** The pid file, if there is one. */
  readonly pidFile: string | undefined;
  /** What the pool is called, if it was given a name. */
  readonly name: string | undefined;
  /** Where it can be asked: a path, `"auto"` or `"off"`. */
  readonly control: string;
}

/** What a name can be: it names a file. */
const NAME = /^\w[\w.-]{0,47}$/;

/**
 * Checks them.
 *
 * @throws {TypeError} when they cannot be used
 */
export function checkControl(
  { control = "off", name, pidFile }: ControlOptions,
): ControlConfig {
  if (name === undefined || (typeof name === "string" && NAME.test(name))) {
    return {
      pidFile: pidFile === undefined ? undefined : text("pidFile", pidFile),
      name,
      control: text("control", control),
    };
  }
  throw new TypeError(
    `Cannot use ${
      show(name)
    } for "name": it must be 1 to 48 letters, digits, ".", "_" or "-", the first none of "." and "-"`,
  );
}
