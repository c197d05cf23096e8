/**
 * The `balanced` mode: connections that one worker passes on to another.
 *
 * A connection stays with the worker that accepted it until another one has
 * shown that it is awake: so a supervisor or a worker that stands still delays
 * nobody. The steps, each a message:
 *
 * 1. `pass`: a worker sends a copy of the connection and keeps its own.
 * 2. `wake`: the least loaded of the others is asked, and says `heard`.
 * 3. `room`: the first worker is told. It says `gave` and forgets its copy, or
 *    `kept`, when it has lost patience and serves the connection itself. Its row
 *    of the scoreboard says that too: who dies may not have got its word out.
 * 4. The connection goes to the one that is awake. Should that die before its
 *    runtime has confirmed it, to another one.
 *
 * @module
 */

import type { Connection } from "../adapter/connection.ts";
import type { Clock } from "../adapter/clock.ts";
import { type Pass, Passes } from "./pass.ts";
import { leastLoaded, type Score } from "./policy.ts";
import {
  isServing,
  type Scoreboard,
  type ScoreboardRow,
} from "./scoreboard.ts";
import type { PoolWorker } from "../worker.ts";

/**
 * Who has not answered after so many ms is busy: another one is asked. A tenth
 * of the time for which a worker waits before it serves a connection itself.
 */
export const SILENT_MS = 5;

/**
 * So many that came from one worker are kept here. It passes on one at a time,
 * and gives away what there is room for: so many are a defect's.
 */
export const MAX_PASSES = 64;

/** A worker that is there, as seen from here. */
interface PeerState {
  /** False once it drains. */
  open: boolean;
  /** False once it did not get a connection that was sent. */
  able: boolean;
  /** When it was asked whether it is awake, unless it has answered. */
  asked: number | undefined;
  /** Sent to it, not yet confirmed. */
  readonly underway: Set<Pass>;
}

/** Passes connections on between workers. */
export class Passing {
  readonly #board: Scoreboard;
  readonly #clock: Clock;
  readonly #peers = new Map<PoolWorker, PeerState>();
  /** Those that have answered, and have got no connection for that yet. */
  readonly #awake = new Set<PeerState>();
  /** The last one that each of those who are gone had kept. */
  readonly #kept = new WeakMap<PoolWorker, number>();
  /** Those that have nothing left, until they are told to leave. */
  readonly #drained = new Map<PoolWorker, PeerState>();
  readonly #passes = new Passes();
  /** Ours, in the order in which they came. */
  readonly #ours: Pass[] = [];
  #again: Disposable | undefined;

  /** Makes one without workers. */
  constructor(board: Scoreboard, clock: Clock) {
    this.#board = board;
    this.#clock = clock;
  }

  /** How many connections wait here for a worker. */
  get waiting(): number {
    return this.#passes.size + this.#ours.length;
  }

  /** A worker accepts now, for the first time or again. */
  join(worker: PoolWorker): void {
    const peer = this.#peers.get(worker);
    if (peer !== undefined) peer.open = true;
    else {
      this.#peers.set(worker, {
        open: true,
        able: true,
        asked: undefined,
        underway: new Set(),
      });
    }
    this.#proceed();
  }

  /** A worker drains: it gets nothing more, and may still pass on. */
  leave(worker: PoolWorker): void {
    const peer = this.#peers.get(worker);
    if (peer === undefined) return;
    peer.open = false;
    this.#awake.delete(peer);
    this.#proceed();
  }

  /**
   * A worker has drained: it is told to leave as soon as it is to get nothing
   * more, which may be what others give up while all drain.
   */
  drained(worker: PoolWorker): void {
    const peer = this.#peers.get(worker);
    if (peer === undefined) return void worker.tell({ type: "leave" });
    this.#drained.set(worker, peer);
    this.#proceed();
  }

  /** How many connections are on their way to a worker. */
  underway(worker: PoolWorker): number {
    return this.#peers.get(worker)?.underway.size ?? 0;
  }

  /**
   * A worker is gone, and the board was looked at. Our copies of what it passed
   * on live on; those of what it kept do not, for it may have read from them and
   * could not say so any more.
   */
  lose(worker: PoolWorker): void {
    // 0 is none: there may be a connection with that number.
    this.#kept.set(worker, this.#board.row(worker.seat)?.kept || -1);
    const peer = this.#peers.get(worker);
    this.#peers.delete(worker);
    this.#drained.delete(worker);
    if (peer !== undefined) this.#awake.delete(peer);
    this.#ours.unshift(...peer?.underway ?? []);
    for (const pass of [...this.#passes.of(worker).values()]) {
      const given = this.#passes.isPromised(pass);
      this.#passes.take(worker, pass.id);
      this.#inherit(pass, given);
    }
    this.#proceed();
  }

  /** Why a worker may not pass one on; it keeps its copy and serves it. */
  problem(from: PoolWorker, id: number): string | undefined {
    const own = this.#passes.of(from);
    if (own.has(id)) return `it passes on two connections as number ${id}`;
    const given = this.#ours.filter((pass) => pass.from === from).length;
    return own.size + given < MAX_PASSES
      ? undefined
      : `it passes on more than ${MAX_PASSES} connections at a time`;
  }

  /** A worker passes a connection on; there is no {@linkcode problem}. */
  pass(
    from: PoolWorker,
    id: number,
    listener: string,
    connection: Connection,
  ): void {
    const pass = { from, id, listener, connection };
    // It may have come last of what a worker had to say.
    if (from.state === "gone") this.#inherit(pass);
    else this.#passes.add(pass);
    // Its runtime is being told that this has come. Deno 2.9.5 loses a
    // connection that it reads together with that: it has to be asked again.
    const peer = this.#peers.get(from);
    if (peer !== undefined) {
      peer.asked = undefined;
      this.#awake.delete(peer);
    }
    this.#proceed();
  }

  /**
   * A connection of one that is gone is ours, unless that has kept it.
   *
   * @param given true where it was told of room, and may have given it up before
   * it kept a later one
   */
  #inherit(pass: Pass, given = false): void {
    const kept = this.#kept.get(pass.from) ?? -1;
    if (pass.id > kept || (given && pass.id < kept)) this.#ours.push(pass);
    else pass.connection.close();
  }

  /** A connection is ours now. */
  gave(from: PoolWorker, id: number): void {
    const pass = this.#passes.take(from, id);
    if (pass === undefined) return;
    this.#ours.push(pass);
    this.#proceed();
  }

  /** A worker serves a connection itself after all. */
  kept(from: PoolWorker, id: number): void {
    this.#passes.take(from, id)?.connection.close();
    this.#proceed();
  }

  /** A worker has read what it was told, and is awake, or may be free again. */
  freed(worker: PoolWorker): void {
    const peer = this.#peers.get(worker);
    if (peer === undefined || worker.unread > 0) return;
    if (peer.asked !== undefined) {
      peer.asked = undefined;
      if (peer.open) this.#awake.add(peer);
    }
    this.#proceed();
  }

  /**
   * All are about to drain: whoever is there gets what is ours. What is not is
   * its worker's to serve, which keeps it when nobody tells it of room.
   */
  flush(): void {
    this.#spill();
  }

  /** Closes what nobody can take any more. */
  close(): void {
    this.#again?.[Symbol.dispose]();
    const left = [...this.#passes.drain(), ...this.#ours.splice(0)];
    for (const { connection } of left) connection.close();
  }

  /** Does whatever can be done now. */
  #proceed(): void {
    this.#place();
    this.#part();
  }

  /** Tells those that have drained to leave, unless they have to take more. */
  #part(): void {
    if (this.#drained.size === 0) return;
    const stays = this.#ours.length > 0 && !this.#anyOpen;
    for (const [worker, peer] of this.#drained) {
      if (stays && peer.able) continue;
      this.#drained.delete(worker);
      peer.able = false;
      worker.tell({ type: "leave" });
    }
  }

  get #anyOpen(): boolean {
    for (const { open } of this.#peers.values()) if (open) return true;
    return false;
  }

  /** Finds a worker for whatever waits. */
  #place(): void {
    if (this.waiting + this.#awake.size === 0) return;
    // What a worker gives up while all drain is not to wait for the next one.
    if (!this.#anyOpen) return this.#spill();
    this.#give();
    this.#wake();
    this.#room();
    if (this.#passes.waiting + this.#ours.length === 0) return;
    this.#again ??= this.#clock.after(SILENT_MS, () => {
      this.#again = undefined;
      this.#proceed();
    });
  }

  /** Sends what is ours to those that are awake. */
  #give(): void {
    while (this.#ours.length > 0) {
      const [best] = this.#sorted(
        1,
        (worker, peer) => this.#awake.has(peer) && worker.free,
      );
      if (best === undefined) return;
      this.#awake.delete(this.#peers.get(best)!);
      this.#send(best, this.#ours.shift()!);
    }
  }

  #send(worker: PoolWorker, pass: Pass): void {
    const { id, listener, connection } = pass;
    const peer = this.#peers.get(worker)!;
    peer.underway.add(pass);
    const fail = (): void => {
      peer.underway.delete(pass);
      // It is already gone, or out of files most likely.
      peer.able = false;
      this.#awake.delete(peer);
      this.#ours.unshift(pass);
    };
    const settled = (taken: boolean): void => {
      // Not so when it has ended meanwhile: another one has the connection.
      if (this.#peers.get(worker)?.underway.has(pass) !== true) return;
      if (taken) {
        peer.underway.delete(pass);
        connection.close();
      } else fail();
      this.#proceed();
    };
    const sent = worker.give(listener, id, connection, undefined, settled);
    if (!sent) fail();
  }

  /** Asks as many workers as connections wait, the least loaded first. */
  #wake(): void {
    const now = this.#clock.now();
    const { waiting } = this;
    // What they said holds for a moment only.
    if (waiting === 0) return this.#awake.clear();
    let answering = 0;
    for (const peer of this.#peers.values()) {
      const { asked } = peer;
      const soon = asked !== undefined && now - asked < SILENT_MS;
      if (soon || this.#awake.has(peer)) answering++;
    }
    // What is ours must not wait for one that stands still.
    const all = this.#ours.length > 0;
    const wanted = all ? this.#peers.size : waiting - answering;
    const workers = this.#sorted(
      wanted,
      (worker, peer, row) =>
        peer.asked === undefined && !this.#awake.has(peer) &&
        // Whoever passes on has too many itself.
        (all || (isServing(row, Date.now()) && !this.#passes.has(worker))),
    );
    for (const worker of workers) {
      const peer = this.#peers.get(worker)!;
      if (worker.tell({ type: "wake" })) peer.asked = now;
      else peer.able = false;
    }
  }

  /** Tells as many workers as are awake that their connection has a place. */
  #room(): void {
    this.#passes.room(
      this.#awake.size - this.#passes.promised - this.#ours.length,
    );
  }

  /** Sends what is ours to whoever is free, also to those that drain. */
  #spill(): void {
    if (this.#ours.length > 0) this.#board.look();
    while (this.#ours.length > 0) {
      const able = [...this.#peers].filter(([worker, peer]) =>
        peer.able && worker.free &&
        this.#board.row(worker.seat)?.takes === true
      );
      const best = able.find(([, { open }]) => open) ?? able[0];
      if (best === undefined) return;
      this.#send(best[0], this.#ours.shift()!);
    }
  }

  /** So many of those that take connections now, the least loaded first. */
  #sorted(
    count: number,
    fits: (worker: PoolWorker, peer: PeerState, row: ScoreboardRow) => boolean,
  ): readonly PoolWorker[] {
    if (count <= 0) return [];
    this.#board.look();
    const there: { worker: PoolWorker; score: Score }[] = [];
    const all: Score[] = [];
    for (const [worker, peer] of this.#peers) {
      const row = this.#board.row(worker.seat);
      if (!peer.open || !peer.able || !row?.takes) continue;
      // What is on its way is not on the board yet.
      const { size } = peer.underway;
      const open = row.open + size;
      const score = { ...row, open, recent: row.recent + size };
      all.push(score);
      if (fits(worker, peer, row)) there.push({ worker, score });
    }
    const sorted: PoolWorker[] = [];
    while (there.length > 0 && sorted.length < count) {
      const best = leastLoaded(there.map(({ score }) => score), all);
      sorted.push(...there.splice(best, 1).map(({ worker }) => worker));
    }
    return sorted;
  }
}
