/**
 * The entries of poll(2): what is asked of file descriptors, and the answers.
 *
 * @module
 */

import { fixed, type Libc } from "./libc.ts";

/** Events of poll(2). */
export const POLL = { in: 0x1, error: 0x8, readHangUp: 0x2000 } as const;

/** `struct pollfd`, by the places of its members in bytes. */
const ENTRY = { fd: 0, events: 4, returned: 6, size: 8 } as const;

/** Lays out one entry for each descriptor, all with the same events. */
export function pollEntries(
  fds: readonly number[],
  events: number,
): Uint8Array<ArrayBuffer> {
  const entries = fixed(fds.length * ENTRY.size);
  const view = new DataView(entries.buffer);
  for (const [i, fd] of fds.entries()) {
    view.setInt32(i * ENTRY.size + ENTRY.fd, fd, true);
    view.setInt16(i * ENTRY.size + ENTRY.events, events, true);
  }
  return entries;
}

/** Which of these events there are on a descriptor now, errors included. */
export function pollNow(
  libc: Pick<Libc, "poll">,
  fd: number,
  events: number,
): number {
  const entry = pollEntries([fd], events);
  if (libc.poll(entry, 1, 0) <= 0) return 0;
  return new DataView(entry.buffer).getInt16(ENTRY.returned, true);
}
