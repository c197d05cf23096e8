/**
 * A directory in which a runtime keeps compiled code between two starts.
 *
 * @module
 */

import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";

/** Write permission of the group and of others (inode(7)). */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * The path of a directory that nobody but this user can write into, made when
 * it is not there: what lies in it will be run. Unless one is given it is
 * `prefork` in `$XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory 0.8), else
 * one for this user among the temporary files.
 *
 * @throws {Error} when it cannot be used; its message is the reason
 */
export function cacheDirectory(given?: string): string {
  if (given !== undefined) return ownDirectory(path.resolve(given));
  const { XDG_CACHE_HOME: caches, HOME: home } = process.env;
  const uid = process.getuid?.() ?? 0;
  const temporary = path.join(os.tmpdir(), `prefork-${uid}`);
  const usual = caches !== undefined && path.isAbsolute(caches)
    ? caches
    : home !== undefined && path.isAbsolute(home)
    ? path.join(home, ".cache")
    : undefined;
  if (usual === undefined) return ownDirectory(temporary);
  try {
    return ownDirectory(path.join(usual, "prefork"));
  } catch {
    return ownDirectory(temporary);
  }
}

/**
 * A directory that belongs to this user and that nobody else can write into,
 * made when it is not there; its path.
 *
 * @throws {Error} when it is not so; its message is the reason
 */
export function ownDirectory(directory: string): string {
  makeDirectory(directory);
  const problem = directoryProblem(directory);
  if (problem !== undefined) throw new Error(`"${directory}" ${problem}`);
  return directory;
}

/** Why one that is there cannot be used so, as the rest of a sentence. */
export function directoryProblem(directory: string): string | undefined {
  // Not stat(2): a link may be another user's, and lead elsewhere later.
  const { mode, uid } = lstatSync(directory);
  return (mode & constants.S_IFMT) !== constants.S_IFDIR
    ? "is no directory"
    : uid !== (process.geteuid?.() ?? uid)
    ? `belongs to the user ${uid}`
    : (mode & WRITABLE_BY_OTHERS) !== 0
    ? "can be written by other users"
    : isWritable(directory)
    ? undefined
    : "cannot be written";
}

/**
 * Makes what is missing of a path, level by level: `recursive` of Node's own
 * mkdirSync() does not return for some paths in the file systems of the kernel
 * (26.10).
 */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  const parent = path.dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as { code?: string };
    // Another pool that starts now has made it.
    if (code === "EEXIST" && existsSync(directory)) return;
    throw new Error(`"${directory}" cannot be made (${code})`);
  }
}

/** True when files can be made in it. */
export function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
