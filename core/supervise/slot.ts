/**
 * A place in the pool and the workers that fill it.
 *
 * @module
 */

import { refuseForeign, type ToWorker } from "../protocol.ts";
import type { PoolWorker } from "../worker.ts";

/** Workers of whose coming and going somebody is told. */
class Workers extends Set<PoolWorker> {
  readonly #changed: () => void;

  constructor(changed: () => void) {
    super();
    this.#changed = changed;
  }

  override add(worker: PoolWorker): this {
    super.add(worker);
    this.#changed();
    return this;
  }

  override delete(worker: PoolWorker): boolean {
    this.#changed();
    return super.delete(worker);
  }
}

/**
 * A place in the pool and its workers. It tells of every change that matters for
 * what is to be done next, its workers' own changes included.
 */
export class Slot {
  /** Its number. */
  readonly slot: number;
  /** Former workers that are still there. */
  readonly former: Set<PoolWorker>;
  /** True while it is without a worker by the pool's own will. */
  vacated = true;
  /** Crashes in a row. */
  crashes = 0;
  /** How often its worker was started anew after a crash. */
  restarts = 0;
  /** How often in a row its worker was hit by a signal at its birth. */
  hits = 0;
  readonly #changed: () => void;
  #current: PoolWorker | undefined;
  #next: PoolWorker | undefined;
  #parked: PoolWorker | undefined;
  #wait: Disposable | undefined;

  /** Makes an empty one. */
  constructor(slot: number, changed: () => void = () => {}) {
    this.slot = slot;
    this.#changed = changed;
    this.former = new Workers(changed);
  }

  /** The worker that fills it. */
  get current(): PoolWorker | undefined {
    return this.#current;
  }

  set current(worker: PoolWorker | undefined) {
    this.#current = worker;
    this.#adopt(worker);
  }

  /** The worker that is to take over. */
  get next(): PoolWorker | undefined {
    return this.#next;
  }

  set next(worker: PoolWorker | undefined) {
    this.#next = worker;
    this.#adopt(worker);
  }

  /** The worker of the old version that may have to take over again. */
  get parked(): PoolWorker | undefined {
    return this.#parked;
  }

  set parked(worker: PoolWorker | undefined) {
    this.#parked = worker;
    this.#adopt(worker);
  }

  /** The wait before its next worker. */
  get wait(): Disposable | undefined {
    return this.#wait;
  }

  set wait(wait: Disposable | undefined) {
    this.#wait = wait;
    this.#changed();
  }

  /** How many former workers are still there. */
  get leaving(): number {
    return this.former.size;
  }

  /** True while it waits before its next worker. */
  get waiting(): boolean {
    return this.wait !== undefined;
  }

  /** Its worker that accepts, the old one while there are two. */
  get ready(): PoolWorker | undefined {
    if (this.#current?.state === "ready") return this.#current;
    return this.#next?.state === "ready" ? this.#next : undefined;
  }

  /** Knows a worker no more; true when it was the one that filled this slot. */
  remove(worker: PoolWorker): boolean {
    const filled = this.current === worker;
    if (filled) this.current = undefined;
    if (this.next === worker) this.next = undefined;
    if (this.parked === worker) this.parked = undefined;
    this.former.delete(worker);
    return filled;
  }

  /** Every worker of it that is still there. */
  get workers(): readonly PoolWorker[] {
    const { current, next, parked, former } = this;
    return [current, next, parked, ...former].filter((worker) =>
      worker !== undefined
    );
  }

  #adopt(worker: PoolWorker | undefined): void {
    if (worker !== undefined) worker.onChanged = this.#changed;
    this.#changed();
  }
}

/**
 * Says something to every worker that understands it, standbys too; returns how
 * many were reached.
 */
export function tellEach(
  { slots, standbys }: {
    readonly slots: ReadonlyMap<number, Slot>;
    readonly standbys: { readonly workers: Iterable<PoolWorker> };
  },
  message: ToWorker,
): number {
  const inSlots = [...slots.values()].flatMap((slot) => slot.workers);
  const all = new Set([...inSlots, ...standbys.workers]);
  return [...all].filter((worker) => worker.attached && worker.tell(message))
    .length;
}

/**
 * Sends a message to the workers that serve; returns how many were reached.
 *
 * @throws {TypeError} when it cannot be sent
 */
export function sendTo(
  slots: Iterable<Slot>,
  message: unknown,
  only: number | undefined,
): number {
  refuseForeign(message);
  let reached = 0;
  for (const { slot, current } of slots) {
    if (only !== undefined && slot !== only) continue;
    if (current?.attached && current.send(message)) reached++;
  }
  return reached;
}
