/**
 * Where this user's pools can be asked: the directories of their sockets, the
 * usual one first. The command looks in the same ones.
 *
 * @module
 */

import os from "node:os";
import path from "node:path";
import process from "node:process";

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
