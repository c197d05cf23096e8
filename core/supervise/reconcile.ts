/**
 * Wanted against actual: a pure look at the table of slots that says what to do
 * next. It is asked again after every event until it has nothing more to say.
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
}

/** A slot as the plan sees it. */
export interface SlotView {
  /** Its number. */
  readonly slot: number;
  /** The worker that fills it. */
  readonly current: WorkerView | undefined;
  /** The worker that is to take over. */
  readonly next: WorkerView | undefined;
  /** How many of its former workers are still there. */
  readonly leaving: number;
  /** True while the slot waits before its next worker. */
  readonly waiting: boolean;
}

/** A pool as the plan sees it. */
export interface PoolView {
  /** The slots, by number. */
  readonly slots: readonly SlotView[];
  /** How many workers are wanted. */
  readonly wanted: number;
  /** The generation that a reload replaces older ones by, if one is going on. */
  readonly reloadTo: number | undefined;
  /** True when the pool is to end. */
  readonly stopping: boolean;
  /** How many workers may be alive beyond those wanted. */
  readonly maxSurge: number;
}

/** What to do with a slot. */
export interface Step {
  /**
   * `spawn` fills an empty slot; `replace` starts the worker that is to take
   * over; `promote` lets it and drains the one before; `drain` empties the
   * slot; `forget` removes an empty one.
   */
  readonly do: "spawn" | "replace" | "promote" | "drain" | "forget";
  /** The slot. */
  readonly slot: number;
}

/** Says what to do next. An empty answer means that all is as wanted. */
export function plan(pool: PoolView): readonly Step[] {
  const steps: Step[] = [];
  // A wanted slot that is empty now counts too: its worker is about to come.
  let alive = pool.slots.reduce(
    (sum, view) =>
      sum + Math.max(population(view), view.slot < pool.wanted ? 1 : 0),
    0,
  );
  for (const view of pool.slots) {
    const step = pool.stopping || view.slot >= pool.wanted
      ? emptied(view)
      : filled(view, pool, alive);
    if (step === undefined) continue;
    const more = step.do === "replace" ||
      (step.do === "spawn" && population(view) > 0);
    if (more) alive++;
    steps.push(step);
  }
  return steps;
}

function population({ current, next, leaving }: SlotView): number {
  return leaving + (current === undefined ? 0 : 1) +
    (next === undefined ? 0 : 1);
}

function emptied(view: SlotView): Step | undefined {
  const { slot, current, next } = view;
  if (isActive(current) || isActive(next)) return { do: "drain", slot };
  return population(view) === 0 ? { do: "forget", slot } : undefined;
}

function filled(
  { slot, current, next, waiting }: SlotView,
  { reloadTo, wanted, maxSurge }: PoolView,
  alive: number,
): Step | undefined {
  if (next !== undefined) {
    const takesOver = current === undefined || !isActive(current) ||
      (next.state === "ready" && next.proven);
    return takesOver ? { do: "promote", slot } : undefined;
  }
  if (current === undefined || current.state === "draining") {
    // A worker that leaves on its own is replaced at once: the slot's place is
    // free as soon as it stops accepting.
    return waiting ? undefined : { do: "spawn", slot };
  }
  const old = reloadTo !== undefined && current.generation < reloadTo;
  return old && current.state !== "killed" && alive < wanted + maxSurge
    ? { do: "replace", slot }
    : undefined;
}

function isActive(worker: WorkerView | undefined): boolean {
  return worker?.state === "starting" || worker?.state === "ready";
}
