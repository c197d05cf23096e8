/**
 * Whether connections wait in the accept queue of a socket.
 *
 * @module
 */

import { fixed, type Libc } from "../../libc/libc.ts";

/** POLLIN of poll(2). */
const POLLIN = 1;

/** `struct pollfd` of poll(2), by the places of its members in bytes. */
const POLLFD = { fd: 0, events: 4, returned: 6, size: 8 } as const;

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
  const entry = fixed(POLLFD.size);
  const view = new DataView(entry.buffer);
  view.setInt32(POLLFD.fd, socket, true);
  view.setInt16(POLLFD.events, POLLIN, true);
  return () =>
    libc.poll(entry, 1, 0) > 0 &&
    (view.getInt16(POLLFD.returned, true) & POLLIN) !== 0;
}
