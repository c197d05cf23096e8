/**
 * Wanted against actual, in three pure functions: what one slot counts for
 * (`measure`), what it wants done (`plan`), and whether the budget allows that
 * now (`grant`). `slot_table.ts` asks them after every event, about the slots
 * that the event has touched.
 *
 * @module
 */

import type { WorkerState } from "./state.ts";

/** A worker as the plan sees it. */
export interface WorkerView {
  /** Where it is in its life. */
  readonly state: WorkerState;
  /** Its generation. */
  readonly generation: number;
  /** True when it has lived long enough to take over from another one. */
  readonly proven: boolean;
  /** Why it is to be recycled, if it is. */
  readonly spent?: string | undefined;
}

/** A slot as the plan sees it. */
export interface SlotView {
  /** Its number. */
  readonly slot: number;
  /** The worker that fills it. */
  readonly current: WorkerView | undefined;
  /** The worker that is to take over. */
  readonly next: WorkerView | undefined;
  /** The worker that waits in case the new version fails. */
  readonly parked?: unknown;
  /** How many of its former workers are still there. */
  readonly leaving: number;
  /** True while the slot waits before its next worker. */
  readonly waiting: boolean;
  /** True while it is without a worker by the pool's own will. */
  readonly vacated: boolean;
}

/** What is wanted of the pool. */
export interface PoolView {
  /** How many workers are wanted: the slots below this number. */
  readonly wanted: number;
  /** The generation that a reload replaces older ones by, if one is going on. */
  readonly reloadTo: number | undefined;
  /** The generation that is replaced by what there was before, if one is. */
  readonly undoing?: number | undefined;
  /** True while that reload may replace one slot only: its first worker. */
  readonly canary: boolean;
  /** True when the pool is to end. */
  readonly stopping: boolean;
  /** How many workers may be alive beyond those wanted. */
  readonly maxSurge: number;
  /** How many of the wanted workers may be missing by the pool's own will. */
  readonly maxUnavailable: number;
}

/** What slots count for; those of a pool are the sum over its slots. */
export interface Counts {
  /** Processes that are there, and one for a wanted slot that has none. */
  readonly alive: number;
  /** Wanted slots without a worker, beside whose former ones one must start. */
  readonly holes: number;
  /** Slots in which a worker is ready. */
  readonly ready: number;
  /** Slots whose worker does not accept because a user wants that. */
  readonly quiesced: number;
  /** Wanted slots whose worker, not the one that is to take over, is ready. */
  readonly filled: number;
  /** Wanted slots that wait before their next worker. */
  readonly waiting: number;
  /** Wanted slots that the reload has begun with. */
  readonly begun: number;
  /** Wanted slots that the reload is done with. */
  readonly renewed: number;
  /** Slots whose worker of the old version is still there. */
  readonly parked: number;
}

/** What to do with a slot. */
export interface Step {
  /**
   * `spawn` fills an empty slot; `replace` starts the worker that is to take
   * over; `promote` lets it and drains the one before; `vacate` drains the
   * worker first, and the slot is filled when there is room; `drain` empties
   * the slot; `forget` removes an empty one.
   */
  readonly do: "spawn" | "replace" | "promote" | "vacate" | "drain" | "forget";
  /** The slot. */
  readonly slot: number;
}

/**
 * What a slot needs of the budget: `refill`, to have a process again that has
 * none, by the pool's own will; `place`, to have one process more;
 * `dismissal`, to be without its ready worker for good; `exchange` and
 * `renewal`, to have its worker replaced, the new one first or the old one: one
 * that is quiesced, which nobody misses, or another one.
 */
export type Need =
  | "refill"
  | "place"
  | "dismissal"
  | "exchange"
  | "renewal";

/** What a slot wants done; at once, or when the budget allows it. */
export type Wish =
  | { readonly do: Exclude<Step["do"], "replace" | "vacate"> }
  | { readonly need: Need };

/** Says what a slot wants done. Undefined means that all is as wanted. */
export function plan(view: SlotView, pool: PoolView): Wish | undefined {
  return isWanted(view, pool) ? filled(view, pool) : emptied(view, pool);
}

/** Says whether the budget allows what a slot needs, and by which step. */
export function grant(
  need: Need,
  view: SlotView,
  counts: Counts,
  pool: PoolView,
): Step["do"] | undefined {
  const { wanted, maxSurge, maxUnavailable } = pool;
  const most = wanted + maxSurge;
  const least = wanted - maxUnavailable;
  // What is left when this slot has no ready worker any more.
  const rest = counts.ready - (isServed(view) ? 1 : 0);
  switch (need) {
    case "place":
      return counts.alive < most ? "spawn" : undefined;
    case "refill":
      // It has been counted as the process that it gets now.
      return counts.alive <= most ? "spawn" : undefined;
    case "dismissal":
      return rest >= least ? "drain" : undefined;
    case "exchange":
    case "renewal": {
      const recycles = pool.reloadTo === undefined &&
        pool.undoing === undefined;
      // A pool that is not whole has other worries.
      const whole = counts.ready + counts.quiesced;
      if (recycles && (counts.waiting > 0 || whole < least)) return undefined;
      if (!recycles && pool.canary && counts.begun > 0) return undefined;
      // A slot that has nobody goes first.
      if (counts.alive + counts.holes < most) return "replace";
      const floor = recycles ? Math.max(least, 1) : least;
      const missed = need === "renewal" && rest < floor;
      return maxUnavailable > 0 && !missed ? "vacate" : undefined;
    }
  }
}

/** What one slot counts for. */
export function measure(view: SlotView, pool: PoolView): Counts {
  const { current, next, leaving, waiting } = view;
  const { reloadTo } = pool;
  const wanted = isWanted(view, pool);
  const empty = current === undefined && next === undefined;
  const isNew = (worker: WorkerView | undefined): boolean =>
    reloadTo !== undefined && worker?.generation === reloadTo;
  return {
    alive: Math.max(population(view), wanted ? 1 : 0),
    holes: wanted && empty && leaving > 0 ? 1 : 0,
    ready: isServed(view) ? 1 : 0,
    quiesced: wanted && current?.state === "quiesced" && !isServed(view)
      ? 1
      : 0,
    filled: wanted && current?.state === "ready" ? 1 : 0,
    waiting: wanted && waiting ? 1 : 0,
    // Whoever fills an empty slot is of the new generation.
    begun: wanted && (isNew(current) || isNew(next) || (empty && !waiting))
      ? 1
      : 0,
    renewed: wanted && isNew(current) && current!.proven &&
        next === undefined && leaving === 0
      ? 1
      : 0,
    parked: view.parked === undefined ? 0 : 1,
  };
}

function isWanted({ slot }: SlotView, pool: PoolView): boolean {
  return !pool.stopping && slot < pool.wanted;
}

function population({ current, next, leaving }: SlotView): number {
  return leaving + (current === undefined ? 0 : 1) +
    (next === undefined ? 0 : 1);
}

function emptied(view: SlotView, { stopping }: PoolView): Wish | undefined {
  if (isActive(view.current) || isActive(view.next)) {
    return isServed(view) && !stopping
      ? { need: "dismissal" }
      : { do: "drain" };
  }
  if (view.parked !== undefined) return { do: "drain" };
  return population(view) === 0 ? { do: "forget" } : undefined;
}

function filled(
  { current, next, leaving, waiting, vacated }: SlotView,
  pool: PoolView,
): Wish | undefined {
  if (next !== undefined) {
    const takesOver = current === undefined || !isActive(current) ||
      (next.state === "ready" && next.proven);
    return takesOver ? { do: "promote" } : undefined;
  }
  if (current === undefined) {
    if (waiting) return undefined;
    if (!vacated) return { do: "spawn" };
    return { need: leaving === 0 ? "refill" : "place" };
  }
  // A worker that leaves on its own is replaced at once: the slot's place is
  // free as soon as it stops accepting.
  if (current.state === "draining") {
    return waiting ? undefined : { do: "spawn" };
  }
  return isOld(current, waiting, pool) && current.state !== "killed"
    ? { need: current.state === "quiesced" ? "exchange" : "renewal" }
    : undefined;
}

function isOld(
  { generation, spent }: WorkerView,
  waiting: boolean,
  { reloadTo, undoing }: PoolView,
): boolean {
  if (undoing !== undefined) return generation === undoing;
  if (reloadTo !== undefined) return generation !== reloadTo;
  return spent !== undefined && !waiting;
}

function isServed({ current, next }: SlotView): boolean {
  return current?.state === "ready" || next?.state === "ready";
}

function isActive(worker: WorkerView | undefined): boolean {
  return worker?.state === "starting" || worker?.state === "standby" ||
    worker?.state === "ready" || worker?.state === "quiesced" ||
    worker?.state === "resuming";
}
