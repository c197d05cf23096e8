/** What the tests of the dispatcher share: workers and connections. */
import type { Taker } from "../../core/dispatcher.ts";

/** A worker that remembers what it was given. */
export interface Worker extends Taker {
  readonly got: { id: number; listener: string; connection: Conn }[];
  alive: boolean;
}

/** A connection that counts how often it was closed. */
export interface Conn {
  readonly number: number;
  closed: number;
  close(): void;
}

/** Makes one. */
export function worker(): Worker {
  const made: Worker = {
    unread: 0,
    got: [],
    alive: true,
    give(listener, id, connection) {
      if (made.alive) {
        made.got.push({ id, listener, connection: connection as Conn });
      }
      return made.alive;
    },
  };
  return made;
}

/** Makes one. */
export function conn(number = 0): Conn {
  const made: Conn = { number, closed: 0, close: () => void made.closed++ };
  return made;
}
