/**
 * Files without a name, for what a supervisor and its workers share.
 *
 * @module
 */

import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { SharedFile } from "../core/adapter.ts";

/** Where Linux keeps files in memory (shm_overview(7)). */
const IN_MEMORY = "/dev/shm";

let made = 0;

/**
 * Makes one by a name that is gone before anybody else could use it.
 *
 * @throws {Error} of the system, when neither place can be written to
 */
export function shareFile(): SharedFile {
  const name = `prefork-${process.pid}-${made++}-${Date.now()}`;
  const path = join(isWritable(IN_MEMORY) ? IN_MEMORY : tmpdir(), name);
  const fd = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  let open = true;
  return {
    fd,
    read: (into) => open ? readSync(fd, into, 0, into.length, 0) : 0,
    write: (bytes, at) => {
      if (open) writeSync(fd, bytes, 0, bytes.length, at);
    },
    close: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
