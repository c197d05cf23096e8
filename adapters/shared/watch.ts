/**
 * Files that are watched, by `node:fs`, which all three runtimes have.
 *
 * @module
 */

import { readdirSync, statSync, watch } from "node:fs";
import type { Files } from "../../core/watch/file.ts";

/**
 * One watch for each directory, which is what inotify(7) has: `recursive` of
 * `fs.watch` makes such watches of all directories, `node_modules` too.
 */
export const files: Files = {
  entries(directory) {
    try {
      return readdirSync(directory, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        isDirectory: entry.isDirectory(),
      }));
    } catch {
      return undefined;
    }
  },
  stamp(path) {
    try {
      const stat = statSync(path);
      return stat.isFile()
        ? `${stat.mtimeMs} ${stat.size} ${stat.ino}`
        : undefined;
    } catch {
      return undefined;
    }
  },
  hint(directory, onHint) {
    const watcher = watch(directory, { persistent: false }, onHint);
    // As when the directory goes away, on Deno: the next look finds out.
    watcher.on("error", onHint);
    return { [Symbol.dispose]: () => watcher.close() };
  },
};
