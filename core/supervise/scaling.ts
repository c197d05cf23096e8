/**
 * How many workers a pool with a range of them is to have, by what they do:
 * `judge` is the rule, and `Scaling` looks at the workers for it.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import type { ScalingConfig, WorkerRange } from "../options/scaling.ts";
import { pidOf, type PoolWorker } from "../worker.ts";
import type { MemoryBudget } from "./memory_budget.ts";
import type { Slot } from "./slot.ts";

/** What the workers of a pool did from one look to the next. */
export interface LoadSample {
  /** How long that was, in milliseconds. */
  readonly ms: number;
  /** Which part of it they were busy, on average, from 0 to 1. */
  readonly busy: number;
  /** The same of the newest slot. */
  readonly newest: number;
  /** True when connections waited to be accepted at the end of it. */
  readonly waiting: boolean;
}

/** Another number of workers, and why. */
export interface Verdict {
  /** How many there are to be. */
  readonly workers: number;
  /** Why, for the operator. */
  readonly reason: string;
}

/**
 * Those that stay are to have less to do than this part of what asks for one
 * more, so that the next gust does not bring the one back that has left.
 */
const MARGIN = 0.9;

/** What is needed of the options. */
type Rules = Pick<ScalingConfig, "scaleUp" | "scaleDown"> & {
  readonly range: WorkerRange;
};

/**
 * Says how many workers there are to be; undefined when as many as there are.
 *
 * Up by as many as bring the utilisation below the mark, which a worker that is
 * busy all the time says less of than it could: a pool that stays too busy gets
 * more again. Down by one, the newest slot, when that one is idle, and only when
 * those that stay would at no time of it have been busy enough for another one.
 *
 * @param samples all since the number was changed last, the newest at the end:
 * so neither rule is asked again before its time has passed since
 */
export function judge(
  samples: readonly LoadSample[],
  workers: number,
  { range, scaleUp, scaleDown }: Rules,
): Verdict | undefined {
  // The predecessor in an upgrade may have had another range.
  if (workers < range.min) {
    return { workers: range.min, reason: "the range begins there" };
  }
  const recent = lately(samples, scaleUp.after);
  if (recent !== undefined && workers < range.max) {
    const { busy, waiting } = recent;
    if (busy >= scaleUp.at) {
      const enough = Math.ceil(workers * busy / scaleUp.at);
      return {
        workers: Math.min(range.max, Math.max(workers + 1, enough)),
        reason: `they were busy ${percent(busy)} of ${scaleUp.after} ms`,
      };
    }
    if (waiting) {
      return {
        workers: workers + 1,
        reason: `connections have waited for ${scaleUp.after} ms`,
      };
    }
  }
  const longer = lately(samples, scaleDown.after);
  if (longer === undefined || workers <= range.min) return undefined;
  const { busy } = longer;
  const { newest, waiting } = samples.at(-1)!;
  const idle = busy < scaleDown.at && newest < scaleDown.at && !waiting;
  if (!idle) return undefined;
  const busiest = peak(samples, scaleDown.after, scaleUp.after);
  if (busiest * workers / (workers - 1) >= scaleUp.at * MARGIN) {
    return undefined;
  }
  return {
    workers: workers - 1,
    reason: `they were busy ${percent(busy)} of ${scaleDown.after} ms`,
  };
}

/** The mean over so many ms before the end; undefined when less is known. */
function lately(
  samples: readonly LoadSample[],
  ms: number,
  end = samples.length,
): Pick<LoadSample, "busy" | "waiting"> | undefined {
  let time = 0;
  let busy = 0;
  let waiting = true;
  for (let i = end - 1; i >= 0 && time < ms; i--) {
    const sample = samples[i]!;
    time += sample.ms;
    busy += sample.busy * sample.ms;
    waiting &&= sample.waiting;
  }
  return time < ms ? undefined : { busy: busy / time, waiting };
}

/** The largest mean over `width` ms of those that end in the last `ms`. */
function peak(
  samples: readonly LoadSample[],
  ms: number,
  width: number,
): number {
  let most = 0;
  let time = 0;
  for (let end = samples.length; end > 0 && time < ms; end--) {
    time += samples[end - 1]!.ms;
    most = Math.max(most, lately(samples, width, end)?.busy ?? 0);
  }
  return most;
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

/** What is asked of the supervisor. */
export interface ScalingSource {
  /** How many workers are wanted. */
  readonly wanted: number;
  /** The slots that are to have a worker. */
  readonly wantedSlots: readonly Slot[];
  /** True when each of those is ready. */
  readonly isReady: boolean;
  /** True once the pool is to end. */
  readonly stopping: boolean;
  /** What carries reloads out. */
  readonly transaction: { readonly goesOn: boolean };
  /** Whether there is memory for more. */
  readonly memory: Pick<MemoryBudget, "crowd">;
}

/** How often is looked, in ms; more often where that is a fifth of a mean. */
const LOOK_MS = 1_000;

/** Looks at the workers of a pool, and has it scale. */
export class Scaling {
  readonly #context: PoolContext;
  readonly #source: ScalingSource;
  readonly #scale: (workers: number, reason: string) => void;
  readonly #rules: Rules | undefined;
  readonly #samples: LoadSample[] = [];
  /** The CPU that workers had used at the last look, in ms. */
  #used = new Map<PoolWorker, number>();
  #lookedAt = 0;
  /** How many workers the samples are of. */
  #workers = 0;
  #timer: Disposable | undefined;
  /** What was said to be in the way. */
  #said: string | undefined;

  /**
   * Looks at nobody yet; never, without a range of workers.
   *
   * @param scale has the pool want another number of workers
   */
  constructor(
    context: PoolContext,
    source: ScalingSource,
    scale: (workers: number, reason: string) => void,
  ) {
    const { range } = context.config;
    this.#context = context;
    this.#source = source;
    this.#scale = scale;
    this.#rules = range && { ...context.config, range };
  }

  /** Begins to look, when it has not. */
  begin(): void {
    if (this.#rules !== undefined && this.#timer === undefined) this.#wait();
  }

  /** Ends that. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #wait(): void {
    const { scaleUp, scaleDown } = this.#rules!;
    const { adapter, post } = this.#context;
    const ms = Math.min(LOOK_MS, scaleUp.after / 5, scaleDown.after / 5);
    this.#timer = adapter.clock.after(ms, () =>
      post(() => {
        if (this.#source.stopping) return;
        this.#look();
        this.#wait();
      }));
  }

  #look(): void {
    const { wanted, isReady, transaction } = this.#source;
    const before = this.#used;
    const now = this.#context.adapter.clock.now();
    const ms = now - this.#lookedAt;
    this.#lookedAt = now;
    // Whoever starts, or replaces another, says nothing of the load.
    if (wanted === 0 || !isReady || transaction.goesOn) {
      this.#used.clear();
      this.#samples.length = 0;
      return;
    }
    if (wanted !== this.#workers) this.#samples.length = 0;
    this.#workers = wanted;
    const used = this.#measure();
    if (used === undefined) return;
    this.#used = used;
    const parts = [...used].map(([worker, cpu]) => {
      const then = before.get(worker);
      return then === undefined ? undefined : Math.min(1, (cpu - then) / ms);
    });
    if (parts.some((part) => part === undefined)) return;
    const busy = parts as number[];
    this.#samples.push({
      ms,
      busy: busy.reduce((sum, part) => sum + part, 0) / busy.length,
      newest: busy.at(-1) ?? 0,
      waiting: this.#waits(),
    });
    this.#forget();
    this.#judge();
  }

  /** The CPU that each worker has used, by slot; undefined where it is unknown. */
  #measure(): Map<PoolWorker, number> | undefined {
    const { host } = this.#context.adapter;
    const used = new Map<PoolWorker, number>();
    for (const { ready } of this.#source.wantedSlots) {
      if (ready === undefined) return undefined;
      const look = host.look(pidOf(ready));
      if (look === undefined) {
        this.#warn(
          "the pool cannot scale by its load: what its workers use cannot be read from /proc",
        );
        return undefined;
      }
      // What other languages do in several threads is work all the same; those
      // of a runtime compile and collect.
      const cpu = ready.runtime === "exec" ? look.cpu : look.mainCpu;
      used.set(ready, cpu);
    }
    return used;
  }

  /** True when connections wait in the kernel, or in `handoff` here. */
  #waits(): boolean {
    const { adapter, listeners, traffic } = this.#context;
    return traffic.waiting > 0 ||
      listeners.some(({ sockets }) =>
        sockets.some(({ fd }) => (adapter.host.queued(fd) ?? 0) > 0)
      );
  }

  /** Drops what no rule asks for any more. */
  #forget(): void {
    const { scaleUp, scaleDown } = this.#rules!;
    const longest = Math.max(scaleUp.after, scaleDown.after);
    let time = this.#samples.reduce((sum, { ms }) => sum + ms, 0);
    while (time - this.#samples[0]!.ms >= longest) {
      time -= this.#samples.shift()!.ms;
    }
  }

  #judge(): void {
    const { wanted, memory, wantedSlots } = this.#source;
    const verdict = judge(this.#samples, wanted, this.#rules!);
    if (verdict === undefined) return;
    const { workers, reason } = verdict;
    const present = wantedSlots.flatMap((slot) => slot.workers);
    // One that is to come will hold what one of these does.
    const crowd = workers > wanted
      ? memory.crowd(present, present.slice(0, workers - wanted), "more")
      : undefined;
    if (crowd === undefined) return this.#scale(workers, reason);
    this.#samples.length = 0;
    this.#warn(
      `${wanted} workers are not enough (${reason}), and there is no memory for more: ${crowd}`,
    );
  }

  /** Says once what is in the way. */
  #warn(message: string): void {
    const what = message.replaceAll(/\d+/g, "");
    if (this.#said !== what) this.#context.emit({ type: "warning", message });
    this.#said = what;
  }
}
