/**
 * A directory in which a runtime keeps compiled code between two starts.
 *
 * @module
 */

import {
  accessSync,
  constants,
  existsSync,
  lchownSync,
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
 * @param uid the user whose it is to be, for whom it is made among the temporary
 * files: in a home root would follow links of that user's making
 * @throws {Error} when it cannot be used; its message is the reason
 */
export function cacheDirectory(given?: string, uid?: number): string {
  const own = process.geteuid?.() ?? 0;
  const temporary = path.join(os.tmpdir(), `prefork-${uid ?? own}`);
  if (given !== undefined || (uid ?? own) !== own) {
    return ownDirectory(path.resolve(given ?? temporary), uid);
  }
  const { XDG_CACHE_HOME: caches, HOME: home } = process.env;
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
 * @param owner another user to whom it is to belong
 * @throws {Error} when it is not so; its message is the reason
 */
export function ownDirectory(directory: string, owner?: number): string {
  const isNew = makeDirectory(directory);
  if (isNew && owner !== undefined) lchownSync(directory, owner, -1);
  const problem = directoryProblem(directory, owner);
  if (problem !== undefined) throw new Error(`"${directory}" ${problem}`);
  return directory;
}

/** Why one that is there cannot be used so, as the rest of a sentence. */
export function directoryProblem(
  directory: string,
  owner: number | undefined = process.geteuid?.(),
): string | undefined {
  // Not stat(2): a link may be another user's, and lead elsewhere later.
  const { mode, uid } = lstatSync(directory);
  return (mode & constants.S_IFMT) !== constants.S_IFDIR
    ? "is no directory"
    : uid !== (owner ?? uid)
    ? `belongs to the user ${uid}`
    : (mode & WRITABLE_BY_OTHERS) !== 0
    ? "can be written by other users"
    // Deno's access() goes by the bits alone, and denies root (2.9.6).
    : uid !== (process.geteuid?.() ?? uid) || isWritable(directory)
    ? undefined
    : "cannot be written";
}

/**
 * Makes what is missing of a path, level by level: `recursive` of Node's own
 * mkdirSync() does not return for some paths in the file systems of the kernel
 * (26.10). False where another has made it.
 */
function makeDirectory(directory: string): boolean {
  if (existsSync(directory)) return false;
  const parent = path.dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  try {
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    const { name, code } = error as { name?: string; code?: string };
    // What is not permitted says so itself. As `missingIn` of core/errors.ts,
    // which would be loaded before all else, and with this file by each worker.
    if (name === "NotCapable" || code === "ERR_ACCESS_DENIED") throw error;
    // Another pool that starts now has made it.
    if (code === "EEXIST" && existsSync(directory)) return false;
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
