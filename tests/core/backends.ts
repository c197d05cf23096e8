/** What the tests of the dispatcher share: workers and connections. */
import type { Connection, HeadReader } from "../../core/adapter/connection.ts";
import type { Clock } from "../../core/adapter/clock.ts";
import { affinityOf, type Balance } from "../../core/options/balance.ts";
import { Dispatcher } from "../../core/handoff/dispatcher.ts";
import { placementOf } from "../../core/handoff/placement.ts";
import type { Backend } from "../../core/handoff/dispatcher.ts";

/** A worker that remembers what it was given. */
export interface Worker extends Backend {
  readonly slot: number;
  unread: number;
  readonly got: {
    id: number;
    listener: string;
    connection: Conn;
    head: string | undefined;
  }[];
  alive: boolean;
  /** How many more connections it has room for. */
  room: number;
  /** The listeners that it serves, or undefined for all of them. */
  listeners: Set<string> | undefined;
}

/** A connection that counts how often it was closed. */
export interface Conn extends Connection {
  readonly number: number;
  closed: number;
  /** The client sends something. */
  say(text: string): void;
  /** The client ends its half, or breaks off. */
  end(broken?: boolean): void;
  /** True while it is read here. */
  readonly isRead: boolean;
}

/** Makes one. */
export function worker(slot = 0, listeners?: readonly string[]): Worker {
  const made: Worker = {
    slot,
    unread: 0,
    get free() {
      return made.unread === 0;
    },
    got: [],
    alive: true,
    room: Infinity,
    hasRoom: () => made.room > 0,
    listeners: listeners && new Set(listeners),
    serves: (listener) => made.listeners?.has(listener) ?? true,
    give(listener, id, connection, head) {
      if (made.alive) {
        made.room--;
        made.got.push({ id, listener, connection: connection as Conn, head });
      }
      return made.alive;
    },
  };
  return made;
}

/** Makes one. */
export function conn(number = 0, peer?: string, peeks = false): Conn {
  let reader: HeadReader | undefined;
  return {
    number,
    peer,
    peeks,
    closed: 0,
    close() {
      this.closed++;
    },
    read(_limit, given) {
      reader = given;
      return { [Symbol.dispose]: () => reader = undefined };
    },
    get isRead() {
      return reader !== undefined;
    },
    say: (text) =>
      reader?.bytes(Uint8Array.from(text, (char) => char.charCodeAt(0))),
    end: (broken = false) => reader?.end(broken),
  };
}

/** A clock that stands still. */
export const noClock: Clock = {
  now: () => 0,
  after: () => ({ [Symbol.dispose]: () => {} }),
};

/** Makes a dispatcher whose clock stands still. */
export function dispatcher(balance: Balance): Dispatcher {
  return new Dispatcher(placementOf(balance), noClock, affinityOf(balance));
}
