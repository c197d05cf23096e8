/**
 * Has accept(2) on a socket wait, for programs in other languages: O_NONBLOCK
 * belongs to the open file description, which the workers share with this process
 * (open(2), fork(2)).
 *
 * @module
 */

import process from "node:process";
import { setNonblocking } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";

/**
 * Clears O_NONBLOCK: by libc where it can be called. Without it by a child that
 * has the socket as its standard input, of which libuv clears it before exec(2)
 * (uv__process_child_init, seen in Node 22.12 to 26.10).
 *
 * @throws {Error} where neither can be
 */
export function waitInAccept(fd: number): void {
  const libc = libcHere();
  if (libc !== undefined) return setNonblocking(libc, fd, false);
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const { error } = spawnSync("/bin/sh", ["-c", ":"], {
    stdio: [fd, "ignore", "ignore"],
  });
  if (error !== undefined) throw error;
}
