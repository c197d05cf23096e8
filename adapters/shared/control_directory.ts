/**
 * Where this user's pools can be asked: the directories of their sockets, the
 * usual one first. The command looks in the same ones, and files of processes
 * that nobody else is to touch lie there too.
 *
 * @module
 */

import os from "node:os";
import path from "node:path";
import process from "node:process";
import { forbiddenIn, messageOf } from "../../core/errors.ts";
import { cacheDirectory, ownDirectory } from "./cache_directory.ts";

/**
 * `prefork` in `$XDG_RUNTIME_DIR` (XDG Base Directory 0.8), for root in `/run`,
 * and one for this user among the temporary files.
 */
export function controlDirectories(): readonly string[] {
  const { XDG_RUNTIME_DIR: own } = process.env;
  const uid = process.geteuid?.() ?? 0;
  return [
    ...(own !== undefined && path.isAbsolute(own) ? [own] : []),
    ...(uid === 0 && process.platform === "linux" ? ["/run"] : []),
  ].map((directory) => path.join(directory, "prefork")).concat(
    path.join(os.tmpdir(), `prefork-${uid}`),
  );
}

/**
 * The first of them that is this user's alone, made when it is not there.
 *
 * @param uid another user whose it is to be: one among the temporary files
 * @throws {Error} when there is none; its message is the reason
 */
export function privateDirectory(uid?: number): string {
  if (uid !== undefined && uid !== process.geteuid?.()) {
    return cacheDirectory(undefined, uid);
  }
  const reasons: string[] = [];
  for (const directory of controlDirectories()) {
    try {
      requireAllowed(directory);
      return ownDirectory(directory);
    } catch (error) {
      reasons.push(forbiddenIn(error) ?? messageOf(error));
    }
  }
  throw new Error(reasons.join("; "));
}

/**
 * Deno would ask the user at the terminal, and the pool would wait for that.
 *
 * @throws {Error} when it does not allow to write there
 */
export function requireAllowed(directory: string): void {
  if (process.versions["deno"] === undefined) return;
  for (const name of ["read", "write"] as const) {
    if (
      Deno.permissions.querySync({ name, path: directory }).state === "granted"
    ) {
      continue;
    }
    throw new Error(
      `Deno does not allow it, add "--allow-${name}" for "${directory}"`,
    );
  }
}
