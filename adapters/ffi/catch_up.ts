/**
 * What workers have said by now, before it is decided where a client goes.
 *
 * A worker says that an id is its own before its client hears of the id. But
 * the supervisor of Deno is told of channels and clients in any order, and that
 * of Bun waits for channels by signals: a client that comes back at once could
 * be seen first.
 *
 * @module
 */

/** What reads each open channel of this process, as far as one turn goes. */
const readers = new Set<() => void>();

/** Has a channel read before a client is placed, until disposed. */
export function caughtUp(read: () => void): Disposable {
  readers.add(read);
  return { [Symbol.dispose]: () => void readers.delete(read) };
}

/** Reads what is there in all channels. Not from within the reading of one. */
export function catchUp(): void {
  for (const read of [...readers]) read();
}
