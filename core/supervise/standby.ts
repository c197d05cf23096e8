/**
 * Standby workers: their program has loaded, they accept nothing, and they take
 * over a slot in the time of one message. They are beyond the wanted workers and
 * beyond the budget: at most so many as are asked for, of each runtime that the
 * pool has, and a place is filled again when its former worker is gone.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import { messageOf } from "../errors.ts";
import type { WorkerRuntime } from "../options/options.ts";
import type { PoolWorker } from "../worker.ts";
import type { Processes } from "./processes.ts";
import { respawn } from "./restart.ts";
import { Slot } from "./slot.ts";
import type { Transaction } from "./transaction.ts";

/**
 * How long a place is left empty whose worker has taken over, in ms: the next
 * one costs some 100 ms of CPU, and the first requests of the one that has taken
 * over would wait for that.
 */
const REFILL_MS = 100;

/** What a place holds, and for whom. */
interface Place {
  readonly slot: Slot;
  readonly runtime: WorkerRuntime;
  /** Whose slot its worker takes over, which has that once the other is gone. */
  heirOf: PoolWorker | undefined;
}

/** What is asked of the supervisor. */
export interface StandbySource {
  /** Who starts workers. */
  readonly processes: Processes;
  /** What carries reloads out. */
  readonly transaction: Pick<Transaction, "generation" | "goesOn">;
  /** The last generation that was good. */
  readonly generation: number;
  /** The slots by number. */
  readonly slots: ReadonlyMap<number, Slot>;
  /** How many workers are wanted. */
  readonly wanted: number;
  /** True when each of those is ready. */
  readonly isReady: boolean;
  /** True once the pool is to end. */
  readonly stopping: boolean;
}

/** Keeps the standby workers of a pool. */
export class Standbys {
  readonly #context: PoolContext;
  readonly #source: StandbySource;
  readonly #places: readonly Place[];
  /** The slot numbers that workers were started with as standbys. */
  readonly #numbers = new Map<PoolWorker, number>();
  readonly #first: number;
  /** The last that has taken over a slot. */
  #promoted: PoolWorker | undefined;
  /** True once every wanted worker was ready. */
  #complete = false;

  /** Those that were started as standbys and are there. */
  get workers(): Iterable<PoolWorker> {
    return this.#numbers.keys();
  }

  /** Starts none yet. */
  constructor(context: PoolContext, source: StandbySource) {
    const { config, maxWorkers, runtimeOf } = context;
    this.#context = context;
    this.#source = source;
    this.#first = maxWorkers;
    const runtimes = new Set(
      Array.from({ length: maxWorkers }, (_, slot) => runtimeOf(slot)),
    );
    const length = config.standby;
    this.#places = [...runtimes].flatMap((runtime) =>
      Array.from({ length }, () => runtime)
    ).map((runtime, i) => ({
      slot: new Slot(maxWorkers + i),
      runtime,
      heirOf: undefined,
    }));
  }

  /** The places, as slots whose worker is a standby. */
  get slots(): readonly Slot[] {
    return this.#places.map(({ slot }) => slot);
  }

  /** True when none is there. */
  get isEmpty(): boolean {
    return this.#places.every(({ slot }) => slot.workers.length === 0);
  }

  /** A standby has loaded its program. */
  welcome(worker: PoolWorker): void {
    const { adapter, emit } = this.#context;
    worker.timer?.[Symbol.dispose]();
    worker.standbyAt = adapter.clock.now();
    const ms = Math.round(worker.standbyAt - worker.startedAt);
    emit({ type: "worker-standby", ...worker.identity, ms });
  }

  /** Gives a standby to a slot, which has it from then on. */
  take(slot: number): PoolWorker | undefined {
    const place = this.#find(slot);
    const worker = place?.slot.current;
    if (place === undefined || worker === undefined) return undefined;
    if (place.heirOf === undefined) this.#promote(worker, slot);
    place.heirOf = undefined;
    place.slot.remove(worker);
    this.#rest(place.slot, REFILL_MS);
    return worker;
  }

  /**
   * A worker is ending: has the standby accept that will have its slot, before it
   * is known how that has ended. It stays in its place until the slot is free.
   */
  hasten(ending: PoolWorker): void {
    const { slots, wanted, stopping, transaction } = this.#source;
    const slot = slots.get(ending.slot);
    if (slot?.current !== ending || ending.state !== "ready") return;
    if (stopping || slot.slot >= wanted || slot.next !== undefined) return;
    if (transaction.goesOn) return;
    const place = this.#find(slot.slot);
    const worker = place?.slot.current;
    if (place === undefined || worker === undefined) return;
    place.heirOf = ending;
    this.#promote(worker, ending.slot);
  }

  #promote(worker: PoolWorker, slot: number): void {
    worker.slot = slot;
    this.#promoted = worker;
    // It hears of it before anybody else.
    this.#source.processes.step(worker, "resume");
    this.#context.emit({ type: "worker-promoted", ...worker.identity });
  }

  /**
   * A slot is to wait before its next worker, which it need not when a standby is
   * for it: to have that take over costs nothing. Whoever follows the standby
   * waits in the slot's place.
   */
  relieve(slot: Slot, delay: number): void {
    const place = this.#find(slot.slot)?.slot;
    // One that waits already is for another slot.
    if (!slot.waiting || place === undefined || place.waiting) return;
    slot.wait?.[Symbol.dispose]();
    slot.wait = undefined;
    this.#rest(place, delay);
  }

  /** Has a place wait before its next worker, unless it does. */
  #rest(place: Slot, ms: number): void {
    const { adapter, post } = this.#context;
    place.wait ??= adapter.clock.after(
      ms,
      () => post(() => place.wait = undefined),
    );
  }

  /**
   * A worker is gone; true when it was a standby, which needs nothing more.
   *
   * @param how says why, for the operator
   */
  lose(
    worker: PoolWorker,
    how: (lived: number | undefined) => string,
  ): boolean {
    this.#numbers.delete(worker);
    const place = this.#places.find(({ slot }) =>
      slot.workers.includes(worker)
    );
    if (place === undefined) return false;
    const filled = place.slot.remove(worker);
    if (filled) place.heirOf = undefined;
    // Whoever was asked to leave has left the place before.
    if (!filled) return true;
    const { standbyAt } = worker;
    const lived = standbyAt === undefined
      ? undefined
      : this.#context.adapter.clock.now() - standbyAt;
    respawn(place.slot, how(lived), lived, this.#context);
    return true;
  }

  /** Starts those that are missing, and lets go those that are not wanted. */
  update(): void {
    const { stopping, transaction, generation, processes } = this.#source;
    this.#complete ||= this.#source.isReady;
    // To start a process keeps this one and the CPUs from what is urgent.
    const busy = transaction.goesOn || this.#promoted?.state === "resuming";
    const wanted = this.#complete && !stopping && this.#source.wanted > 0;
    for (const place of this.#places) {
      const { slot, runtime } = place;
      const worker = slot.current;
      if (worker !== undefined) {
        // The slot that it was to have has somebody else, or wants nobody.
        const unneeded = place.heirOf?.state === "gone";
        // Until a reload holds, the old ones may be needed.
        if (wanted && !unneeded && worker.generation === generation) continue;
        place.heirOf = undefined;
        processes.step(worker, "drain");
        slot.remove(worker);
        slot.former.add(worker);
      } else if (!wanted) {
        slot.wait?.[Symbol.dispose]();
        slot.wait = undefined;
      } else if (!slot.waiting && slot.leaving === 0 && !busy) {
        // What lies on the disk meanwhile may be the old program or the new one.
        this.#start(slot, generation, runtime);
      }
    }
  }

  /** Ends all of them at once. */
  kill(): void {
    for (const { workers } of this.slots) {
      for (const worker of workers) this.#source.processes.step(worker, "kill");
    }
  }

  #start(slot: Slot, generation: number, runtime: WorkerRuntime): void {
    const number = this.#number();
    try {
      const worker = this.#source.processes.start(number, generation, runtime);
      this.#numbers.set(worker, number);
      slot.current = worker;
    } catch (error) {
      respawn(slot, messageOf(error), undefined, this.#context);
    }
  }

  /**
   * A number that no living worker was started with, since programs make ports
   * and names of it. No wanted slot has one of these.
   */
  #number(): number {
    const taken = new Set(this.#numbers.values());
    let number = this.#first;
    while (taken.has(number)) number++;
    return number;
  }

  /** Weights belong to slots, and a worker has that of its start. */
  #find(slot: number): Place | undefined {
    const { generation } = this.#source.transaction;
    const { config, runtimeOf } = this.#context;
    if ((config.weights[slot] ?? 1) !== 1) return undefined;
    const fits = ({ slot: { current }, runtime }: Place): boolean =>
      current?.generation === generation && runtime === runtimeOf(slot);
    return this.#places.find((place) =>
      place.heirOf?.slot === slot && fits(place)
    ) ?? this.#places.find((place) =>
      place.heirOf === undefined && place.slot.current?.state === "standby" &&
      fits(place)
    );
  }
}
