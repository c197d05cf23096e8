/**
 * Whether connections wait in the accept queue of a socket.
 *
 * @module
 */

import type { Libc } from "../../libc/libc.ts";
import { POLL, pollNow } from "../../libc/poll.ts";

/**
 * Makes a look at the queue of a listening socket, which takes nothing out of
 * it. A connection that the kernel holds back until it has sent something
 * (TCP_DEFER_ACCEPT of tcp(7)) is not there yet.
 *
 * @param socket its file descriptor
 */
export function waitingAt(
  libc: Pick<Libc, "poll">,
  socket: number,
): () => boolean {
  return () => (pollNow(libc, socket, POLL.in) & POLL.in) !== 0;
}
