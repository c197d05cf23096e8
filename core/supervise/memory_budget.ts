/**
 * The memory of a pool (`memory`): what of it is one worker's, and whether there
 * is room for those that would be parked.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import type { PoolWorker } from "../worker.ts";
import { marginsOf } from "../options/budget.ts";
import { drawLimits } from "../options/recycle.ts";
import { mib } from "./oom.ts";

/** The part of a worker's share at which it is recycled. */
const RECYCLE_AT = 0.8;

/** What it needs of the pool. */
type BudgetContext = Pick<PoolContext, "config" | "adapter">;

/** The pool whose memory it is. */
interface Sharing {
  /** How many workers are wanted. */
  readonly wanted: number;
}

/** The memory that a pool may take in all, in bytes; undefined without limit. */
function totalOf(
  { config, adapter }: BudgetContext,
): number | undefined {
  const { memory } = config;
  return memory === "auto" ? adapter.host.memoryGroup()?.limit : memory;
}

/** Gives a worker its limits, with a share of the memory if there is one. */
export function allot(
  worker: PoolWorker,
  share: number | undefined,
  { config, adapter }: BudgetContext,
): void {
  const { maxRss = share && Math.round(share * RECYCLE_AT) } = config;
  worker.share = share;
  worker.limits = drawLimits({ ...config, maxRss }, adapter.host.random);
}

/** Divides the memory of a pool. */
export class MemoryBudget {
  readonly #context: BudgetContext;
  readonly #pool: Sharing;
  readonly #total: number | undefined;

  /** Divides it by the workers that a pool wants. */
  constructor(context: BudgetContext, pool: Sharing) {
    this.#context = context;
    this.#pool = pool;
    this.#total = totalOf(context);
  }

  /** What a worker that is started now may hold, in bytes. */
  get share(): number | undefined {
    const { config, adapter: { host } } = this.#context;
    if (this.#total === undefined) return undefined;
    const wanted = config.range?.max ?? Math.max(1, this.#pool.wanted);
    const { maxSurge } = marginsOf(config, wanted);
    const standbys = config.standby * (config.runtimes?.length ?? 1);
    const rest = this.#total - (host.rss() ?? 0);
    return Math.max(1, Math.floor(rest / (wanted + maxSurge + standbys)));
  }

  /**
   * Why there is no room for more workers, by what is held now; undefined when
   * there is.
   *
   * @param present the workers that are there
   * @param like what each of the others will hold as much as
   * @param kind what the others are, for the operator
   */
  crowd(
    present: readonly PoolWorker[],
    like: readonly PoolWorker[],
    kind: string,
  ): string | undefined {
    const { host } = this.#context.adapter;
    if (this.#total === undefined) return undefined;
    const heldBy = (workers: readonly PoolWorker[]): number =>
      workers.reduce(
        (sum, { rss, process: { pid } }) =>
          sum + (rss?.bytes ?? host.rss(pid) ?? 0),
        0,
      );
    const own = host.rss() ?? 0;
    const more = heldBy(like);
    const needed = own + heldBy(present) + more;
    if (needed <= this.#total) return undefined;
    return `the pool holds ${
      mib(needed - more)
    }, and with ${like.length} ${kind} workers ${mib(needed)}, of ${
      mib(this.#total)
    } (memory)`;
  }
}
