/**
 * Keeps what a worker inherited from its own children: on Deno an inherited
 * file descriptor goes on to every program that the worker starts, which could
 * then hold a port, the scoreboard and the channel beyond the worker's end.
 * Node and Bun set FD_CLOEXEC by themselves.
 *
 * @module
 */

import { isAllowed } from "../../libc/deno.ts";
import { F } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";
import { openProc } from "../../libc/proc.ts";

/** Sets FD_CLOEXEC on all of them but 0, 1 and 2, where libc may be called. */
export function keepDescriptors(): void {
  const libc = isAllowed() ? libcHere() : undefined;
  if (libc === undefined) return;
  for (const fd of openProc(libc).list("/proc/self/fd").map(Number)) {
    // Deno does not set 0 anew for a child that is to inherit it.
    if (fd <= 2) continue;
    const flags = libc.fcntl(fd, F.getfd, 0);
    // It fails for the descriptor of the directory itself, closed by now.
    if (flags >= 0) libc.fcntl(fd, F.setfd, flags | F.cloexec);
  }
}
