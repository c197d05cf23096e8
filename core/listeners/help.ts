/**
 * Help for a stuck worker: while connections wait on its shard and its event
 * loop is held up, an idle neighbour accepts there as well.
 *
 * Nothing is looked at in a pool where nothing happens: a worker says when
 * something does (`active` of the protocol), and the looks end soon after the
 * last such word. `docs/STEERING.md` has the reasons.
 *
 * @module
 */

import type { AcceptQueues } from "../adapter/accept_queue.ts";
import type { Clock } from "../adapter/clock.ts";
import { shardedOf } from "../options/dgram.ts";
import type { PoolWorker } from "../worker.ts";
import type { Listener } from "./listeners.ts";

/** True where stuck workers are to be helped, and that can be. */
export function canHelp(
  stuckAfter: number | undefined,
  listeners: readonly Listener[],
  { asksQuickly }: Pick<AcceptQueues, "asksQuickly">,
): boolean {
  return stuckAfter !== 0 && shardedOf(listeners).length > 0 && asksQuickly();
}

/**
 * For how long one leaves others waiting before it is helped, unless somebody
 * says, in ms. Where the kernel picks it gives new connections to others by
 * itself, and who is off its CPU for a moment is soon back: sooner, help has cost
 * a twentieth of the connections per second and made the tail no shorter.
 */
export const STUCK_AFTER = { hashed: 2, picked: 10 } as const;

/** What helping needs to know and to do. */
export interface HelpParts {
  /** Time. */
  readonly clock: Clock;
  /** A worker that runs for so long without a new request is stuck, in ms. */
  after(): number;
  /** Reads what workers say of themselves anew. */
  look(): void;
  /** How many connections wait on a shard, of all listeners together. */
  queued(shard: number): number;
  /**
   * For how many ms a worker has been in a callback of a request or connection, 0
   * for none; undefined for one that does not say, which neither helps nor is
   * helped.
   */
  heldUp(worker: PoolWorker): number | undefined;
  /** True for a worker whose main thread waits for something. */
  sleeps(worker: PoolWorker): boolean;
  /** The shards in use, and the worker that accepts on each, where one does. */
  shards(): Iterable<readonly [shard: number, worker: PoolWorker | undefined]>;
  /** The workers that accept. */
  workers(): Iterable<PoolWorker>;
  /** A helper accepts on a shard whose worker is stuck; so many wait there. */
  helping(shard: number, queued: number): void;
  /** It does so no more, or that worker may accept as well. */
  helped(shard: number): void;
  /** Has a worker accept on another one's shard, or end that. */
  tell(worker: PoolWorker, type: "adopt" | "release", shard: number): void;
}

/**
 * How often it looks while something happens, in ms: at best, unless nobody is
 * stuck before twice as long, and at worst.
 */
const LOOK_MS = 2;
const RARELY_MS = 20;

/** The most of the time that is spent on looking, unless that is too rare. */
const LOOKING_PART = 0.01;

/** The least that a look is said to cost, in ms. */
const LEAST_COST = 0.01;

/** How many looks the average is of, about. */
const LOOKS = 8;

/** After the last word of a worker it looks for so long, in ms. */
export const ACTIVE_MS = 1000;

/**
 * One that is in no such callback is held up by something else, a timer or a
 * full server, or was only just woken and waits for a CPU: it is stuck once it
 * has left somebody waiting for so long, in ms, at best.
 */
const UNSAID_MS = 20;

/**
 * So often the kernel is asked of all shards, and not only of those whose worker
 * is suspect, in ms, at best.
 */
const ASK_MS = UNSAID_MS / 2;

/**
 * Who accepts there and has taken nothing within this time is asked no more, nor
 * who does not say that it accepts there, in ms. A native server has to be
 * started for the first time.
 */
const IN_VAIN_MS = 8;
const SILENT_MS = 100;

/** The most workers that are looked at for one that helps. */
const CANDIDATES = 4;

/** Who accepts in a stuck worker's stead. */
interface Helper {
  readonly worker: PoolWorker;
  /** When it was told. */
  readonly told: number;
  /** When it was first seen to have done so. */
  since: number | undefined;
}

/** Has idle workers help stuck ones. */
export class Help {
  readonly #parts: HelpParts;
  /** Since when somebody waits on a shard whose worker is in no callback. */
  readonly #waiting = new Map<number, number>();
  readonly #helpers = new Map<number, Helper>();
  #timer: Disposable | undefined;
  #until = -Infinity;
  #next = 0;
  /** What it costs to look, and to ask the kernel of all shards, in ms. */
  readonly #costs = { look: LEAST_COST, ask: LEAST_COST };
  #asked = -Infinity;

  /** Makes it; it looks at nothing before a worker says that it is active. */
  constructor(parts: HelpParts) {
    this.#parts = parts;
  }

  /** Something happens in a worker. */
  active(): void {
    this.#until = this.#parts.clock.now() + ACTIVE_MS;
    if (this.#timer === undefined && this.#hasOthers()) this.#lookIn(LOOK_MS);
  }

  /** A worker accepts nothing any more: it helps nobody. */
  leave(worker: PoolWorker): void {
    for (const [shard, helper] of this.#helpers) {
      if (helper.worker === worker) this.#forget(shard);
    }
  }

  /** Nobody is left: it looks at nothing until one is active again. */
  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  /** True where somebody could help another one. */
  #hasOthers(): boolean {
    let count = 0;
    for (const _ of this.#parts.workers()) if (++count === 2) return true;
    return false;
  }

  #lookIn(ms: number): void {
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = undefined;
      const began = this.#parts.clock.now();
      this.#parts.look();
      const { ask } = this.#costs;
      const asks = began - this.#asked >= Math.max(ASK_MS, ask / LOOKING_PART);
      if (asks) this.#asked = began;
      for (const [shard, worker] of this.#parts.shards()) {
        this.#lookAt(shard, worker, began, asks);
      }
      const now = this.#parts.clock.now();
      const goesOn = now < this.#until && this.#hasOthers();
      if (!goesOn && this.#helpers.size === 0) return this.#waiting.clear();
      this.#learn(asks ? "ask" : "look", now - began);
      const often = Math.max(LOOK_MS, this.#parts.after() / 2);
      const rest = Math.max(often, this.#costs.look / LOOKING_PART);
      this.#lookIn(Math.min(RARELY_MS, rest));
    });
  }

  #learn(what: "look" | "ask", cost: number): void {
    const before = this.#costs[what];
    // One that another process has interrupted was no costly one.
    const change = (Math.min(cost, 2 * before) - before) / LOOKS;
    this.#costs[what] = Math.max(LEAST_COST, before + change);
  }

  #lookAt(
    shard: number,
    owner: PoolWorker | undefined,
    now: number,
    asks: boolean,
  ): void {
    const helper = this.#helpers.get(shard);
    // It has adopted the shard meanwhile, and keeps it.
    if (helper !== undefined && helper.worker === owner) {
      return this.#forget(shard);
    }
    const heldUp = owner && this.#parts.heldUp(owner);
    if (heldUp !== 0) this.#waiting.delete(shard);
    const isLong = heldUp !== undefined && heldUp >= this.#parts.after();
    if (helper === undefined && !isLong && !asks) return;
    const queued = owner === undefined ? 0 : this.#parts.queued(shard);
    const waits = queued > 0;
    if (!waits) this.#waiting.delete(shard);
    if (helper === undefined && !waits) return;
    const isStuck = isLong ||
      (heldUp === 0 && waits && this.#hasWaited(shard, now));
    if (owner === undefined || !isStuck) return this.#end(shard);
    if (helper !== undefined) this.#parts.helping(shard, queued);
    if (helper !== undefined && !(waits && this.#isInVain(helper, now))) return;
    const worker = this.#idle(owner);
    if (worker === undefined) return;
    this.#end(shard);
    this.#helpers.set(shard, { worker, told: now, since: undefined });
    this.#parts.helping(shard, queued);
    this.#parts.tell(worker, "adopt", shard);
  }

  #isInVain(helper: Helper, now: number): boolean {
    if (helper.worker.toHelp.size === 0) helper.since ??= now;
    const { told, since } = helper;
    return since === undefined
      ? now - told >= SILENT_MS
      : now - since >= IN_VAIN_MS;
  }

  #end(shard: number): void {
    const helper = this.#helpers.get(shard);
    if (helper === undefined) return;
    // What it has taken since the last look, and with it what the owner has since
    // it is back: too much of that is no load for a moment, too little is some for
    // a second.
    this.#parts.helping(shard, this.#parts.queued(shard));
    this.#forget(shard);
    this.#parts.tell(helper.worker, "release", shard);
  }

  #forget(shard: number): void {
    this.#helpers.delete(shard);
    this.#parts.helped(shard);
  }

  #hasWaited(shard: number, now: number): boolean {
    const since = this.#waiting.get(shard) ?? now;
    this.#waiting.set(shard, since);
    return now - since >= Math.max(UNSAID_MS, this.#parts.after());
  }

  /** An idle worker, in turn. */
  #idle(owner: PoolWorker): PoolWorker | undefined {
    const workers = [...this.#parts.workers()];
    const busy = new Set([...this.#helpers.values()].map((one) => one.worker));
    const free = workers.filter((each) => each !== owner && !busy.has(each));
    for (let i = 0; i < Math.min(CANDIDATES, free.length); i++) {
      const worker = free[this.#next++ % free.length]!;
      if (this.#parts.queued(worker.slot) > 0) continue;
      if (this.#parts.heldUp(worker) === 0 && this.#parts.sleeps(worker)) {
        return worker;
      }
    }
    return undefined;
  }
}
