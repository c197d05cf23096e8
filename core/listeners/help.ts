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

import type { AcceptQueues } from "../accept_queue.ts";
import type { Clock } from "../clock.ts";
import { shardedOf } from "../options/dgram.ts";
import type { PoolWorker } from "../worker.ts";
import type { Listener } from "./listeners.ts";

/** True where stuck workers are to be helped, and that can be. */
export function canHelp(
  stuckAfter: number,
  listeners: readonly Listener[],
  { asksQuickly }: Pick<AcceptQueues, "asksQuickly">,
): boolean {
  return stuckAfter > 0 && shardedOf(listeners).length > 0 && asksQuickly();
}

/** What helping needs to know and to do. */
export interface HelpParts {
  /** Time. */
  readonly clock: Clock;
  /** A worker that runs for so long without a new request is stuck, in ms. */
  readonly after: number;
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
  /** Has a worker accept on another one's shard, or end that. */
  tell(worker: PoolWorker, type: "adopt" | "release", shard: number): void;
}

/** How often it looks while something happens, in ms: at best and at worst. */
const LOOK_MS = 2;
const RARELY_MS = 20;

/** The most of the time that is spent on looking, unless that is too rare. */
const LOOKING_PART = 0.01;

/** The least that a look is said to cost, in ms. */
const LEAST_COST = 0.01;

/** After the last word of a worker it looks for so long, in ms. */
export const ACTIVE_MS = 1000;

/**
 * One that is in no such callback is held up by something else, a timer or a
 * full server, or was only just woken and waits for a CPU: it is stuck once it
 * has left somebody waiting for so long, in ms.
 */
const UNSAID_MS = 20;

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
  #cost = LEAST_COST;

  /** Makes it; it looks at nothing before a worker says that it is active. */
  constructor(parts: HelpParts) {
    this.#parts = parts;
  }

  /** Something happens in a worker. */
  active(): void {
    this.#until = this.#parts.clock.now() + ACTIVE_MS;
    if (this.#timer === undefined) this.#lookIn(LOOK_MS);
  }

  /** A worker accepts nothing any more: it helps nobody. */
  leave(worker: PoolWorker): void {
    for (const [shard, helper] of this.#helpers) {
      if (helper.worker === worker) this.#helpers.delete(shard);
    }
  }

  /** Nobody is left: it looks at nothing until one is active again. */
  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #lookIn(ms: number): void {
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = undefined;
      const began = this.#parts.clock.now();
      for (const [shard, worker] of this.#parts.shards()) {
        this.#lookAt(shard, worker, began);
      }
      const now = this.#parts.clock.now();
      if (now >= this.#until && this.#helpers.size === 0) {
        return this.#waiting.clear();
      }
      // One that another process has interrupted was no costly one.
      const cost = Math.min(now - began, 2 * this.#cost);
      this.#cost = Math.max(LEAST_COST, cost);
      const rest = this.#cost / LOOKING_PART;
      this.#lookIn(Math.min(RARELY_MS, Math.max(LOOK_MS, rest)));
    });
  }

  #lookAt(shard: number, owner: PoolWorker | undefined, now: number): void {
    const helper = this.#helpers.get(shard);
    // It has adopted the shard meanwhile, and keeps it.
    if (helper !== undefined && helper.worker === owner) {
      this.#helpers.delete(shard);
      return;
    }
    const waits = owner !== undefined && this.#parts.queued(shard) > 0;
    if (!waits) this.#waiting.delete(shard);
    if (helper === undefined && !waits) return;
    if (owner === undefined || !this.#isStuck(shard, owner, waits, now)) {
      return this.#end(shard);
    }
    if (helper !== undefined && !(waits && this.#isInVain(helper, now))) return;
    const worker = this.#idle(owner);
    if (worker === undefined) return;
    this.#end(shard);
    this.#helpers.set(shard, { worker, told: now, since: undefined });
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
    this.#helpers.delete(shard);
    this.#parts.tell(helper.worker, "release", shard);
  }

  #isStuck(
    shard: number,
    owner: PoolWorker,
    waits: boolean,
    now: number,
  ): boolean {
    const heldUp = this.#parts.heldUp(owner);
    if (heldUp !== 0) this.#waiting.delete(shard);
    if (heldUp === undefined) return false;
    if (heldUp > 0) return heldUp >= this.#parts.after;
    if (!waits) return false;
    const since = this.#waiting.get(shard) ?? now;
    this.#waiting.set(shard, since);
    return now - since >= UNSAID_MS;
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
