/**
 * The `handoff` mode: gives accepted connections to workers.
 *
 * A worker has at most one connection that it has not yet confirmed, so a busy
 * worker gets none (the back-pressure of Node's cluster, in
 * lib/internal/cluster/round_robin_handle.js). A connection on its way to a
 * worker that dies, or that did not get it, goes to another one.
 *
 * @module
 */

import type { Connection } from "./adapter.ts";

/** How the next worker is picked among those that are free. */
export type Balance = "round-robin" | "least-connections";

/** A worker as the dispatcher sees it. */
export interface Taker {
  /**
   * How many messages it has not read yet. It gets no connection meanwhile:
   * Deno 2.9.5 loses one whose frame it reads together with a message before.
   */
  readonly unread: number;
  /** Sends a connection; false when the worker is already gone. */
  give(listener: string, id: number, connection: Connection): boolean;
}

interface Offer {
  readonly id: number;
  readonly listener: string;
  readonly connection: Connection;
}

interface Desk {
  /** False once the worker drains: it keeps what it has and gets no more. */
  open: boolean;
  /** On their way, not yet confirmed. */
  readonly underway: Map<number, Offer>;
  /** Confirmed and not yet ended. */
  holding: number;
}

/** Spreads connections over workers. */
export class Dispatcher {
  readonly #balance: Balance;
  readonly #desks = new Map<Taker, Desk>();
  /** Workers without an unconfirmed connection, longest free first. */
  readonly #free = new Set<Taker>();
  #waiting: Offer[] = [];
  #nextId = 1;

  /** Makes a dispatcher without workers. */
  constructor(balance: Balance) {
    this.#balance = balance;
  }

  /** How many connections wait for a free worker. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** How many connections a worker holds. */
  holding(taker: Taker): number {
    const desk = this.#desks.get(taker);
    return desk === undefined ? 0 : desk.holding + desk.underway.size;
  }

  /** A worker is ready for connections. */
  join(taker: Taker): void {
    const desk = this.#desks.get(taker) ??
      { open: true, underway: new Map(), holding: 0 };
    desk.open = true;
    this.#desks.set(taker, desk);
    this.#release(taker, desk);
  }

  /** A worker gets no more connections; what is on its way may be refused. */
  leave(taker: Taker): void {
    const desk = this.#desks.get(taker);
    if (desk !== undefined) desk.open = false;
    this.#free.delete(taker);
  }

  /** A worker is gone: what was on its way to it goes to another. */
  lose(taker: Taker): void {
    const desk = this.#desks.get(taker);
    if (desk === undefined) return;
    this.leave(taker);
    this.#desks.delete(taker);
    this.#waiting.unshift(...desk.underway.values());
    this.#spread();
  }

  /** A connection was accepted. */
  offer(listener: string, connection: Connection): void {
    this.#waiting.push({ id: this.#nextId++, listener, connection });
    this.#spread();
  }

  /** A worker has taken over a connection. */
  taken(taker: Taker, id: number): void {
    const desk = this.#desks.get(taker);
    const offer = desk?.underway.get(id);
    if (desk === undefined || offer === undefined) return;
    desk.underway.delete(id);
    desk.holding++;
    offer.connection.close();
    this.#release(taker, desk);
  }

  /** A worker did not get a connection: another one does. */
  refused(taker: Taker, id: number): void {
    const desk = this.#desks.get(taker);
    const offer = desk?.underway.get(id);
    if (desk === undefined || offer === undefined) return;
    desk.underway.delete(id);
    // It is out of files, most likely: it gets nothing more.
    this.leave(taker);
    this.#waiting.unshift(offer);
    this.#spread();
  }

  /** A worker has read messages: it may be free again. */
  heard(): void {
    this.#spread();
  }

  /** Connections of a worker have ended. */
  closed(taker: Taker, count: number): void {
    const desk = this.#desks.get(taker);
    if (desk !== undefined) desk.holding = Math.max(0, desk.holding - count);
  }

  /**
   * Gives away everything that waits, confirmed or not: the pool stops, and
   * what was accepted is to be answered.
   */
  flush(): void {
    for (;;) {
      // Asked anew each round: one that is already gone closes its desk.
      const takers = [...this.#desks].filter(([, desk]) => desk.open);
      if (takers.length === 0) return;
      for (const [taker, desk] of takers) {
        const offer = this.#waiting.shift();
        if (offer === undefined) return;
        this.#give(taker, desk, offer);
      }
    }
  }

  /** Closes what nobody can take any more. */
  close(): void {
    for (const { connection } of this.#waiting) connection.close();
    this.#waiting = [];
  }

  #spread(): void {
    while (this.#waiting.length > 0) {
      const taker = this.#pick();
      if (taker === undefined) return;
      this.#free.delete(taker);
      const offer = this.#waiting.shift()!;
      this.#give(taker, this.#desks.get(taker)!, offer);
    }
  }

  #give(taker: Taker, desk: Desk, offer: Offer): void {
    if (taker.give(offer.listener, offer.id, offer.connection)) {
      desk.underway.set(offer.id, offer);
    } else {
      // Its end has not been reported yet; it is out until then.
      this.leave(taker);
      this.#waiting.unshift(offer);
    }
  }

  #release(taker: Taker, desk: Desk): void {
    if (!desk.open || desk.underway.size > 0) return;
    this.#free.add(taker);
    this.#spread();
  }

  #pick(): Taker | undefined {
    let best: Taker | undefined;
    for (const taker of this.#free) {
      if (taker.unread > 0) continue;
      if (this.#balance === "round-robin") return taker;
      if (
        best === undefined ||
        this.#desks.get(taker)!.holding < this.#desks.get(best)!.holding
      ) best = taker;
    }
    return best;
  }
}
