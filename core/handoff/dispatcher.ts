/**
 * Gives accepted connections to workers.
 *
 * A worker has at most one connection that it has not yet confirmed, so a busy
 * worker gets none (the back-pressure of Node's cluster, in
 * lib/internal/cluster/round_robin_handle.js). A connection on its way to a
 * worker that dies, or that did not get it, goes to another one.
 *
 * @module
 */

import type { Clock, Connection } from "../adapter.ts";
import type { Tie } from "../options/balance.ts";
import type { ProxySettings } from "../options/listener_features.ts";
import type { Placement } from "./placement.ts";
import { Queue, type Waiting } from "./queue.ts";
import {
  createReception,
  type Introduction,
  type Reception,
} from "./preread.ts";
import { freeOnes, isFree, type Taker } from "./taker.ts";

interface Offer extends Waiting<Taker>, Introduction {
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
  readonly #placement: Placement<Taker>;
  readonly #desks = new Map<Taker, Desk>();
  /** Workers without an unconfirmed connection, longest free first. */
  readonly #free = new Set<Taker>();
  readonly #queue = new Queue<Taker, Offer>();
  readonly #reception: Reception;
  #nextId = 1;

  /** Makes a dispatcher without workers. */
  constructor(
    placement: Placement<Taker>,
    clock: Clock,
    tie?: Tie,
  ) {
    this.#placement = placement;
    this.#reception = createReception(
      tie,
      clock,
      (listener, connection, { key, head }) => {
        const id = this.#nextId++;
        this.#wait({ id, listener, connection, key, head, target: undefined });
        this.#spread();
      },
    );
  }

  /** How many connections wait for a free worker. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** How many connections a worker holds. */
  holding(taker: Taker): number {
    const desk = this.#desks.get(taker);
    return desk === undefined ? 0 : desk.holding + desk.underway.size;
  }

  /** A worker is ready for connections, or serves one more listener. */
  join(taker: Taker): void {
    const desk = this.#desks.get(taker) ??
      { open: true, underway: new Map(), holding: 0 };
    desk.open = true;
    this.#desks.set(taker, desk);
    if (desk.underway.size === 0) this.#free.add(taker);
    this.#line();
  }

  /** A worker gets no more connections; what is on its way may be refused. */
  leave(taker: Taker): void {
    const desk = this.#desks.get(taker);
    if (desk === undefined || !desk.open) return;
    this.#shut(taker, desk);
    this.#line();
  }

  /** A worker is gone: what was on its way to it goes to another. */
  lose(taker: Taker): void {
    const desk = this.#desks.get(taker);
    if (desk === undefined) return;
    this.#desks.delete(taker);
    this.#free.delete(taker);
    this.#placement.forget(taker);
    for (const offer of desk.underway.values()) this.#wait(offer);
    this.#line();
  }

  /**
   * A connection was accepted.
   *
   * @param proxy how a load balancer says whose it is, if it does
   */
  offer(
    listener: string,
    connection: Connection,
    proxy?: ProxySettings,
  ): void {
    this.#reception.receive(listener, connection, proxy);
  }

  /** A worker has taken over a connection. */
  taken(taker: Taker, id: number): void {
    const desk = this.#desks.get(taker);
    const offer = desk?.underway.get(id);
    if (desk === undefined || offer === undefined) return;
    desk.underway.delete(id);
    desk.holding++;
    offer.connection.close();
    if (!desk.open || desk.underway.size > 0) return;
    this.#free.add(taker);
    this.#spread();
  }

  /** A worker did not get a connection: another one does. */
  refused(taker: Taker, id: number): void {
    const desk = this.#desks.get(taker);
    const offer = desk?.underway.get(id);
    if (desk === undefined || offer === undefined) return;
    desk.underway.delete(id);
    // It is out of files, most likely: it gets nothing more.
    this.#shut(taker, desk);
    this.#wait(offer);
    this.#line();
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

  /** An id is a worker's own: whoever comes with it goes there. */
  stick(taker: Taker, id: string): void {
    if (this.#desks.has(taker)) this.#placement.claim(id, taker);
  }

  /**
   * Gives away everything that waits, confirmed or not: the pool stops, and
   * what was accepted is to be answered.
   */
  flush(): void {
    this.#reception.flush();
    let turn = 0;
    for (const offer of this.#queue.drain()) {
      for (;;) {
        // Asked anew each time: one that is already gone closes its desk.
        const open = this.#open(offer.listener);
        const taker = this.#placement.target(offer.key, open) ??
          open[turn++ % open.length];
        if (taker === undefined) {
          this.#wait(offer);
          break;
        }
        if (this.#give(taker, offer)) break;
      }
    }
  }

  /** A listener is no more: what waits for it is closed. */
  drop(listener: string): void {
    for (const offer of this.#queue.drain()) {
      if (offer.listener === listener) offer.connection.close();
      else this.#wait(offer);
    }
  }

  /** Closes what nobody can take any more. */
  close(): void {
    this.#reception.flush();
    for (const { connection } of this.#queue.drain()) connection.close();
  }

  /** Those who get connections of a listener, in the order they joined. */
  #open(listener: string): readonly Taker[] {
    return [...this.#desks].flatMap(([taker, desk]) =>
      desk.open && taker.serves(listener) ? [taker] : []
    );
  }

  /** Who is there has changed: whoever waits lines up anew. */
  #line(): void {
    if (this.#placement.ties) {
      for (const offer of this.#queue.drain()) this.#wait(offer);
    }
    this.#spread();
  }

  #wait(offer: Offer): void {
    const { key, listener } = offer;
    this.#queue.add(
      key === undefined ? offer : {
        ...offer,
        target: this.#placement.target(key, this.#open(listener)),
      },
    );
  }

  #shut(taker: Taker, desk: Desk): void {
    desk.open = false;
    this.#free.delete(taker);
  }

  #spread(): void {
    for (let moved = true; moved;) {
      // Asked for each connection, and mostly nobody waits or nobody is free.
      if (this.#queue.size === 0 || this.#free.size === 0) return;
      moved = false;
      for (const offer of this.#queue.heads()) {
        if (this.#free.size === 0) return;
        const taker = this.#pick(offer);
        if (taker === undefined) continue;
        this.#queue.take(offer);
        if (!this.#give(taker, offer)) {
          this.#wait(offer);
          return this.#line();
        }
        // The line behind it may now be the first to have its turn.
        moved = true;
        break;
      }
    }
  }

  #give(taker: Taker, offer: Offer): boolean {
    const { id, listener, connection, head } = offer;
    const desk = this.#desks.get(taker)!;
    this.#free.delete(taker);
    const given = taker.give(
      listener,
      id,
      connection,
      head,
      (taken) => taken ? this.taken(taker, id) : this.refused(taker, id),
    );
    if (given) desk.underway.set(id, offer);
    // Its end has not been reported yet; it is out until then.
    else this.#shut(taker, desk);
    return given;
  }

  #pick({ target, listener }: Offer): Taker | undefined {
    if (target !== undefined) {
      return this.#free.has(target) && isFree(target, listener)
        ? target
        : undefined;
    }
    return this.#placement.next(
      freeOnes(this.#free, listener),
      (taker) => this.#desks.get(taker)!.holding,
    );
  }
}
