/**
 * The entries of poll(2): what is asked of a file descriptor, and the answer.
 *
 * @module
 */

import { fixed, type Libc } from "./libc.ts";

/** Events of poll(2). */
export const POLL = { in: 0x1, error: 0x8, readHangUp: 0x2000 } as const;

/** `struct pollfd`, by the places of its members in bytes. */
export const POLL_ENTRY = { fd: 0, events: 4, returned: 6, size: 8 } as const;

/** Which of these events there are on a descriptor now, errors included. */
export function pollNow(
  libc: Pick<Libc, "poll">,
  fd: number,
  events: number,
): number {
  const entry = fixed(POLL_ENTRY.size);
  const view = new DataView(entry.buffer);
  view.setInt32(POLL_ENTRY.fd, fd, true);
  view.setInt16(POLL_ENTRY.events, events, true);
  return libc.poll(entry, 1, 0) <= 0
    ? 0
    : view.getInt16(POLL_ENTRY.returned, true);
}
