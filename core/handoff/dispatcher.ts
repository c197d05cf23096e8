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

import type { Connection } from "../adapter/connection.ts";
import type { Clock } from "../adapter/clock.ts";
import type { Affinity } from "../options/balance.ts";
import type { ProxySettings } from "../options/listener_features.ts";
import type { Candidate, Placement } from "./placement.ts";
import { Queue, type Queued } from "./queue.ts";
import { type Arrival, createPreread, type Preread } from "./preread.ts";

/** Someone who can be given connections. */
export interface Backend extends Candidate {
  /**
   * False while it has not read all that it was told, or has not confirmed a
   * connection, whoever sent it. It gets none meanwhile: Deno 2.9.5 loses one
   * whose frame it reads together with a message before, and says nothing more
   * to what comes after it.
   */
  readonly free: boolean;
  /** True when it takes connections of a listener. */
  serves(listener: string): boolean;
  /** True when its server may hold one more connection of a listener. */
  hasRoom(listener: string): boolean;
  /**
   * Sends a connection; false when the worker is already gone.
   *
   * @param head what was read of it here, one character per byte
   * @param onSettled told whether it has arrived
   */
  give(
    listener: string,
    id: number,
    connection: Connection,
    head: string | undefined,
    onSettled: (taken: boolean) => void,
  ): boolean;
}

interface Offer extends Queued<Backend>, Arrival {}

interface Load {
  /** False once the worker drains: it keeps what it has and gets no more. */
  open: boolean;
  /** On their way, not yet confirmed. */
  readonly underway: Map<number, Offer>;
  /** Confirmed and not yet ended. */
  holding: number;
  /** Confirmed since its start. */
  taken: number;
}

/** Takes connections away. */
export type Divert = (connection: Connection, head: string | undefined) => void;

/** Spreads connections over workers. */
export class Dispatcher {
  readonly #placement: Placement<Backend>;
  readonly #loads = new Map<Backend, Load>();
  /** Workers without an unconfirmed connection, longest free first. */
  readonly #free = new Set<Backend>();
  readonly #queue = new Queue<Backend, Offer>();
  readonly #preread: Preread;
  /** Who gets what comes to a listener, where that is no worker. */
  readonly #diverted = new Map<string, Divert>();
  #nextId = 1;

  /** Makes a dispatcher without workers. */
  constructor(
    placement: Placement<Backend>,
    clock: Clock,
    affinity?: Affinity,
  ) {
    this.#placement = placement;
    this.#preread = createPreread(affinity, clock, (arrival) => {
      this.#enqueue({ ...arrival, id: this.#nextId++, target: undefined });
      this.#spread();
    });
  }

  /** How many connections wait for a free worker. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** How many connections a worker holds. */
  holding(worker: Backend): number {
    const load = this.#loads.get(worker);
    return load === undefined ? 0 : load.holding + load.underway.size;
  }

  /** How many connections a worker has taken, and how many it was to take. */
  tally(
    worker: Backend,
  ): { readonly taken: number; readonly underway: number } {
    const load = this.#loads.get(worker);
    return { taken: load?.taken ?? 0, underway: load?.underway.size ?? 0 };
  }

  /** A worker is ready for connections, or serves one more listener. */
  join(worker: Backend): void {
    const load = this.#loads.get(worker) ??
      { open: true, underway: new Map(), holding: 0, taken: 0 };
    load.open = true;
    this.#loads.set(worker, load);
    if (load.underway.size === 0) this.#free.add(worker);
    this.#line();
  }

  /** A worker serves one listener less or more: who waits lines up anew. */
  changed(): void {
    this.#line();
  }

  /** A worker gets no more connections; what is on its way may be refused. */
  leave(worker: Backend): void {
    const load = this.#loads.get(worker);
    if (load === undefined || !load.open) return;
    this.#shut(worker, load);
    this.#line();
  }

  /** A worker is gone: what was on its way to it goes to another. */
  lose(worker: Backend): void {
    const load = this.#loads.get(worker);
    if (load === undefined) return;
    this.#loads.delete(worker);
    this.#free.delete(worker);
    this.#placement.forget(worker);
    for (const offer of load.underway.values()) this.#enqueue(offer);
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
    this.#preread.offer(listener, connection, proxy);
  }

  /** What waits for a listener, and comes to it, goes there and to no worker. */
  divert(listener: string, to: Divert | undefined): void {
    if (to === undefined) this.#diverted.delete(listener);
    else {
      this.#diverted.set(listener, to);
      for (const offer of this.#queue.drain()) this.#enqueue(offer);
    }
  }

  /** A worker has taken over a connection. */
  taken(worker: Backend, id: number): void {
    const load = this.#loads.get(worker);
    const offer = load?.underway.get(id);
    if (load === undefined || offer === undefined) return;
    load.underway.delete(id);
    load.holding++;
    load.taken++;
    offer.connection.close();
    if (!load.open || load.underway.size > 0) return;
    this.#free.add(worker);
    this.#spread();
  }

  /** A worker did not get a connection: another one does. */
  refused(worker: Backend, id: number): void {
    const load = this.#loads.get(worker);
    const offer = load?.underway.get(id);
    if (load === undefined || offer === undefined) return;
    load.underway.delete(id);
    // It is out of files, most likely: it gets nothing more.
    this.#shut(worker, load);
    this.#enqueue(offer);
    this.#line();
  }

  /** A worker may be free again. */
  freed(): void {
    this.#spread();
  }

  /** Connections of a worker have ended. */
  closed(worker: Backend, count: number): void {
    const load = this.#loads.get(worker);
    if (load !== undefined) load.holding = Math.max(0, load.holding - count);
  }

  /** An id is a worker's own: whoever comes with it goes there. */
  stick(worker: Backend, id: string): void {
    if (this.#loads.has(worker)) this.#placement.claim(id, worker);
  }

  /**
   * Gives away everything that waits, confirmed or not: the pool stops, and
   * what was accepted is to be answered.
   */
  flush(): void {
    this.#preread.flush();
    let turn = 0;
    for (const offer of this.#queue.drain()) {
      for (;;) {
        // Asked anew each time: one that is already gone is shut.
        const open = this.#open(offer.listener);
        const worker = this.#placement.target(offer.key, open) ??
          open[turn++ % open.length];
        if (worker === undefined) {
          this.#enqueue(offer);
          break;
        }
        if (this.#give(worker, offer)) break;
      }
    }
  }

  /** A listener is no more: what waits for it is closed. */
  drop(listener: string): void {
    for (const offer of this.#queue.drain()) {
      if (offer.listener === listener) offer.connection.close();
      else this.#enqueue(offer);
    }
  }

  /** Closes what nobody can take any more. */
  close(): void {
    this.#preread.flush();
    for (const { connection } of this.#queue.drain()) connection.close();
  }

  /** Those who get connections of a listener, in the order they joined. */
  #open(listener: string): readonly Backend[] {
    return [...this.#loads].flatMap(([worker, load]) =>
      load.open && worker.serves(listener) ? [worker] : []
    );
  }

  /** Who is there has changed: whoever waits lines up anew. */
  #line(): void {
    if (this.#placement.sticky) {
      for (const offer of this.#queue.drain()) this.#enqueue(offer);
    }
    this.#spread();
  }

  #enqueue(offer: Offer): void {
    const { key, listener, connection, head } = offer;
    const divert = this.#diverted.get(listener);
    if (divert !== undefined) return divert(connection, head);
    this.#queue.enqueue(
      key === undefined ? offer : {
        ...offer,
        target: this.#placement.target(key, this.#open(listener)),
      },
    );
  }

  #shut(worker: Backend, load: Load): void {
    load.open = false;
    this.#free.delete(worker);
  }

  #spread(): void {
    for (let moved = true; moved;) {
      // Asked for each connection, and mostly nobody waits or nobody is free.
      if (this.#queue.size === 0 || this.#free.size === 0) return;
      moved = false;
      for (const offer of this.#queue.heads()) {
        if (this.#free.size === 0) return;
        const worker = this.#pick(offer);
        if (worker === undefined) continue;
        this.#queue.take(offer);
        if (!this.#give(worker, offer)) {
          this.#enqueue(offer);
          return this.#line();
        }
        // The line behind it may now be the first to have its turn.
        moved = true;
        break;
      }
    }
  }

  #give(worker: Backend, offer: Offer): boolean {
    const { id, listener, connection, head } = offer;
    const load = this.#loads.get(worker)!;
    this.#free.delete(worker);
    const given = worker.give(
      listener,
      id,
      connection,
      head,
      (taken) => taken ? this.taken(worker, id) : this.refused(worker, id),
    );
    if (given) load.underway.set(id, offer);
    // Its end has not been reported yet; it is out until then.
    else this.#shut(worker, load);
    return given;
  }

  #pick({ target, listener }: Offer): Backend | undefined {
    if (target !== undefined) {
      return this.#free.has(target) && isFree(target, listener)
        ? target
        : undefined;
    }
    return this.#placement.next(
      freeOnes(this.#free, listener),
      (worker) => this.#loads.get(worker)!.holding,
    );
  }
}

/** True when a worker can be given a connection of a listener. */
function isFree(worker: Backend, listener: string): boolean {
  return worker.free && worker.serves(listener) && worker.hasRoom(listener);
}

/** Those of some workers that are free for a listener, in the same order. */
function* freeOnes(
  workers: Iterable<Backend>,
  listener: string,
): Generator<Backend> {
  for (const worker of workers) if (isFree(worker, listener)) yield worker;
}
