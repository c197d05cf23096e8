/**
 * The directory in which this process was started, and the name by which it was
 * called then. A deploy that makes a link point to its next release leaves a
 * process in the directory of the last one; the name leads to the new one.
 *
 * @module
 */

import { statSync } from "node:fs";
import process from "node:process";

/** The two names of one directory. */
export interface Directory {
  /** As the kernel knows it: getcwd(3). */
  readonly physical: string;
  /** As shells keep it in `PWD`, where that is the same directory (pwd(1)). */
  readonly logical: string;
}

/** Where this process was started. */
export const DIRECTORY: Directory = startDirectory();

/** A path in this directory by the other name of it; others as they are. */
export function byName(file: string): string {
  const { physical, logical } = DIRECTORY;
  return file.startsWith(`${physical}/`)
    ? logical + file.slice(physical.length)
    : file;
}

function startDirectory(): Directory {
  const physical = process.cwd();
  try {
    const { PWD: logical = "" } = process.env;
    const [here, there] = [statSync(physical), statSync(logical)];
    if (
      logical.startsWith("/") && here.ino === there.ino &&
      here.dev === there.dev
    ) return { physical, logical };
  } catch {
    // No such variable, or no permission on Deno to look.
  }
  return { physical, logical: physical };
}
