/**
 * A place in the pool and the workers that fill it.
 *
 * @module
 */

import type { PoolWorker } from "../worker.ts";

/** A place in the pool and its workers. */
export class Slot {
  /** Its number. */
  readonly slot: number;
  /** The worker that fills it. */
  current: PoolWorker | undefined;
  /** The worker that is to take over. */
  next: PoolWorker | undefined;
  /** Former workers that are still there. */
  readonly former: Set<PoolWorker> = new Set();
  /** Crashes in a row. */
  crashes = 0;
  /** How often its worker was started anew after a crash. */
  restarts = 0;
  /** How often in a row its worker was hit by a signal at its birth. */
  hits = 0;
  /** The wait before its next worker. */
  wait: Disposable | undefined;

  /** Makes an empty one. */
  constructor(slot: number) {
    this.slot = slot;
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
    return [this.current, this.next].find((one) => one?.state === "ready");
  }

  /** True when only a worker of this generation is left, and it is trusted. */
  isRenewed(generation: number): boolean {
    return this.next === undefined && this.leaving === 0 &&
      this.current !== undefined && this.current.proven &&
      this.current.generation >= generation;
  }

  /** Knows a worker no more; true when it was the one that filled this slot. */
  remove(worker: PoolWorker): boolean {
    const filled = this.current === worker;
    if (filled) this.current = undefined;
    if (this.next === worker) this.next = undefined;
    this.former.delete(worker);
    return filled;
  }

  /** Every worker of it that is still there. */
  get workers(): readonly PoolWorker[] {
    return [this.current, this.next, ...this.former].filter((worker) =>
      worker !== undefined
    );
  }
}
