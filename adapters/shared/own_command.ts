/**
 * The command line by which this process was started.
 *
 * @module
 */

import process from "node:process";
import { host } from "./host.ts";
import { readProc } from "./proc.ts";

/**
 * The words of it, each as it was given: a name is looked up in PATH again, and
 * a path is followed again, so that whoever starts it gets the version that is
 * there by then. Undefined where it cannot be seen: on Deno with neither
 * `--allow-ffi` nor `--allow-all`, and beside Linux.
 */
export function ownCommand(): readonly string[] | undefined {
  const words = readProc("/proc/self/cmdline")?.split("\0").slice(0, -1);
  if (words === undefined) return undefined;
  const [file = "", ...args] = words;
  const isThere = file.includes("/")
    ? host.exists(host.resolve(file))
    : host.which(file) !== undefined;
  // Who has started it may have called it by any name.
  return [
    isThere ? file : process.execPath,
    ...args,
  ];
}
