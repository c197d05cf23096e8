/**
 * Files without a name, for what a supervisor and its workers share.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
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
import type { SharedFile } from "../core/adapter.ts";

/** Where Linux keeps files in memory (shm_overview(7)). */
const IN_MEMORY = "/dev/shm";

/**
 * Makes one by a name that is gone before anybody else could use it.
 *
 * @throws {Error} of the system, when neither place can be written to
 */
export function shareFile(): SharedFile {
  const directory = isWritable(IN_MEMORY) ? IN_MEMORY : tmpdir();
  // Containers that share the directory may have the same process ids.
  const path = join(directory, `prefork-${randomUUID()}`);
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
