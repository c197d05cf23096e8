/**
 * Notices that a worker has served enough: it has been ready for long, it holds
 * much memory, or much more than when it was warm. When it is replaced is
 * decided elsewhere, by the budget (`reconcile.ts`).
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import type { PoolWorker } from "../worker.ts";
import { mib } from "./oom.ts";

/**
 * How long a worker is ready before what it holds counts as what it needs, in
 * ms: by then caches are filled and code is compiled, mostly.
 */
const WARM_MS = 10_000;

/** What is watched of a worker. */
interface Watched {
  readonly since: number;
  /** What it held when it was warm, in bytes. */
  warm: number | undefined;
  age: Disposable | undefined;
}

/** Watches the workers that are ready. */
export class Recycling {
  readonly #context: Pick<PoolContext, "config" | "adapter" | "post" | "emit">;
  readonly #watched = new Map<PoolWorker, Watched>();

  /** Watches none yet. */
  constructor(
    context: Pick<PoolContext, "config" | "adapter" | "post" | "emit">,
  ) {
    this.#context = context;
  }

  /** A worker is ready: from now on it is watched. */
  begin(worker: PoolWorker): void {
    const { adapter, post } = this.#context;
    const { maxAge } = worker.limits;
    const tooOld = (): void =>
      spend(worker, `it has been ready for ${maxAge} ms, its limit`);
    if (worker.due !== undefined) spend(worker, worker.due);
    if (this.#watched.has(worker)) return;
    const age = maxAge === undefined
      ? undefined
      : adapter.clock.after(maxAge, () => post(tooOld));
    this.#watched.set(worker, {
      since: adapter.clock.now(),
      warm: undefined,
      age,
    });
  }

  /** A worker is being replaced because it has served enough. */
  replace(worker: PoolWorker): void {
    worker.recycled = true;
    const why = worker.spent!;
    const { identity } = worker;
    this.#context.emit({ type: "worker-recycling", ...identity, why });
  }

  /** A worker is gone. */
  end(worker: PoolWorker): void {
    this.#watched.get(worker)?.age?.[Symbol.dispose]();
    this.#watched.delete(worker);
  }

  /** The memory of a worker was looked at. */
  look(worker: PoolWorker): void {
    const watched = this.#watched.get(worker);
    const { bytes: rss = 0, at = 0 } = worker.rss ?? {};
    if (watched === undefined || worker.state !== "ready") return;
    const { since } = watched;
    const { maxRss, maxRssGrowth } = worker.limits;
    if (maxRss !== undefined && rss > maxRss) {
      return spend(worker, `it holds ${mib(rss)}, its limit is ${mib(maxRss)}`);
    }
    if (at - since < WARM_MS) return;
    const grown = rss - (watched.warm ??= rss);
    if (maxRssGrowth === undefined || grown <= maxRssGrowth) return;
    spend(
      worker,
      `it has grown by ${mib(grown)} to ${mib(rss)}, its limit is ${
        mib(maxRssGrowth)
      }`,
    );
  }
}

/**
 * A worker says that it has begun so many requests; false when it was not asked
 * to count, or tells of too few.
 */
export function hearSpent(worker: PoolWorker, count: number): boolean {
  const { maxRequests = Infinity } = worker.limits;
  if (count < maxRequests) return false;
  spend(worker, `it has begun ${count} requests, its limit`);
  return true;
}

/**
 * Has the worker of a slot replaced as one that has served enough.
 *
 * @throws {RangeError} when there is none that is ready
 */
export function restart(
  pool: Pick<PoolContext, "post"> & {
    readonly slots: ReadonlyMap<
      number,
      { readonly current: PoolWorker | undefined }
    >;
    readonly wanted: number;
  },
  slot: number,
): void {
  const worker = pool.slots.get(slot)?.current;
  if (worker?.state !== "ready" && worker?.state !== "quiesced") {
    throw new RangeError(
      `Cannot restart slot ${slot}: it has no worker that is ready, those of the pool are 0 to ${
        pool.wanted - 1
      }`,
    );
  }
  pool.post(() => worker.spent ??= "a restart was asked for");
}

/**
 * A worker is to be recycled, for the first reason that there is: now, or once
 * it accepts again.
 */
function spend(worker: PoolWorker, why: string): void {
  if (worker.state === "ready") worker.spent ??= why;
  else worker.due ??= why;
}
