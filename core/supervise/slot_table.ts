/**
 * The slots of a pool, what they count for together, and which of them is to be
 * looked at. What an event costs does not grow with the pool: only the slots
 * that it has touched are looked at again, and whoever waits for the budget is
 * found at the head of a heap.
 *
 * @module
 */

import { Heap } from "../heap.ts";
import {
  type Counts,
  grant,
  measure,
  type Need,
  plan,
  type PoolView,
  type Step,
  type Wish,
} from "./reconcile.ts";
import { Slot } from "./slot.ts";
import type { PoolWorker } from "../worker.ts";

const NOTHING: Counts = {
  alive: 0,
  holes: 0,
  ready: 0,
  quiesced: 0,
  filled: 0,
  waiting: 0,
  begun: 0,
  renewed: 0,
  parked: 0,
};

const NAMES = Object.keys(NOTHING) as readonly (keyof Counts)[];

/** Who is served first when several wait: an empty slot, then one that serves nobody. */
const NEEDS: readonly Need[] = [
  ...["refill", "place", "dismissal", "exchange", "renewal"] as const,
];

/** What is known of a slot since it was last looked at. */
interface Known {
  counts: Counts;
  wish: Wish | undefined;
  ready: PoolWorker | undefined;
}

/** Slots that wait for the same, the lowest number first. */
class Line {
  readonly #heap = new Heap<number>((a, b) => a < b);
  readonly #in = new Set<number>();

  add(slot: number): void {
    if (this.#in.has(slot)) return;
    this.#in.add(slot);
    this.#heap.push(slot);
  }

  /** The first that still waits; those that do not any more are let go. */
  first(waits: (slot: number) => boolean): number | undefined {
    for (;;) {
      const slot = this.#heap.first;
      if (slot === undefined || waits(slot)) return slot;
      this.#heap.pop();
      this.#in.delete(slot);
    }
  }
}

/** The slots of a pool. */
export class SlotTable {
  /** The slots by number. */
  readonly slots: Map<number, Slot> = new Map();
  /** Slots that something has happened to. */
  readonly #touched = new Set<Slot>();
  /** Slots that want something which needs nothing of the budget. */
  readonly #pending = new Set<Slot>();
  /** Slots that wait for the budget. */
  readonly #lines: Readonly<Record<Need, Line>> = {
    refill: new Line(),
    place: new Line(),
    dismissal: new Line(),
    exchange: new Line(),
    renewal: new Line(),
  };
  readonly #known = new Map<Slot, Known>();
  readonly #counts: { -readonly [K in keyof Counts]: number } = { ...NOTHING };
  readonly #onServed: (slot: number, worker: PoolWorker | undefined) => void;
  #pool: PoolView = {
    wanted: 0,
    reloadTo: undefined,
    canary: false,
    stopping: false,
    maxSurge: 1,
    maxUnavailable: 0,
  };

  /**
   * Makes an empty one.
   *
   * @param onServed is told when another worker of a slot accepts, or none
   */
  constructor(
    onServed: (slot: number, worker: PoolWorker | undefined) => void,
  ) {
    this.#onServed = onServed;
  }

  /** What the slots count for together, as they are now. */
  get counts(): Counts {
    this.#look();
    return this.#counts;
  }

  /**
   * Says what is wanted from now on. The slots that this changes something for
   * are looked at: all by a reload and a stop, those in between by a scale.
   */
  aim(pool: PoolView): void {
    const { wanted, reloadTo, undoing, stopping } = this.#pool;
    this.#pool = pool;
    if (
      reloadTo !== pool.reloadTo || undoing !== pool.undoing ||
      stopping !== pool.stopping
    ) {
      for (const slot of this.slots.values()) this.#touched.add(slot);
    }
    for (let number = pool.wanted; number < wanted; number++) {
      const slot = this.slots.get(number);
      if (slot !== undefined) this.#touched.add(slot);
    }
    for (let number = wanted; number < pool.wanted; number++) {
      this.#touched.add(this.slots.get(number) ?? this.#add(number));
    }
  }

  /** Says what to do next. Undefined means: nothing, until something happens. */
  next(): Step | undefined {
    this.#look();
    for (const slot of this.#pending) {
      return this.#step(slot, this.#free(slot)!);
    }
    for (const need of NEEDS) {
      const number = this.#lines[need].first((one) => this.#needs(one, need));
      if (number === undefined) continue;
      const slot = this.slots.get(number)!;
      const step = grant(need, slot, this.#counts, this.#pool);
      if (step !== undefined) return this.#step(slot, step);
    }
    return undefined;
  }

  /** Removes a slot that is empty. */
  forget(slot: Slot): void {
    this.slots.delete(slot.slot);
    this.#touched.delete(slot);
    this.#pending.delete(slot);
    this.#count(this.#known.get(slot)?.counts ?? NOTHING, NOTHING);
    this.#known.delete(slot);
  }

  #add(number: number): Slot {
    const slot = new Slot(number, () => this.#touched.add(slot));
    this.slots.set(number, slot);
    return slot;
  }

  /** Looks at the slots that something has happened to. */
  #look(): void {
    for (const slot of this.#touched) {
      this.#touched.delete(slot);
      // A timer of a worker that is gone may still tell of a forgotten one.
      if (this.slots.get(slot.slot) !== slot) continue;
      const before = this.#known.get(slot);
      const counts = measure(slot, this.#pool);
      const wish = plan(slot, this.#pool);
      const { ready } = slot;
      this.#known.set(slot, { counts, wish, ready });
      this.#count(before?.counts ?? NOTHING, counts);
      if (wish !== undefined && "do" in wish) this.#pending.add(slot);
      else this.#pending.delete(slot);
      if (wish !== undefined && "need" in wish) {
        this.#lines[wish.need].add(slot.slot);
      }
      if (ready !== before?.ready) this.#onServed(slot.slot, ready);
    }
  }

  /** A step is about to be taken: the slot is looked at anew after it. */
  #step(slot: Slot, step: Step["do"]): Step {
    this.#touched.add(slot);
    return { do: step, slot: slot.slot };
  }

  #free(slot: Slot): Step["do"] | undefined {
    const wish = this.#known.get(slot)?.wish;
    return wish !== undefined && "do" in wish ? wish.do : undefined;
  }

  #needs(number: number, need: Need): boolean {
    const slot = this.slots.get(number);
    const wish = slot && this.#known.get(slot)?.wish;
    return wish !== undefined && "need" in wish && wish.need === need;
  }

  #count(before: Counts, after: Counts): void {
    if (before === after) return;
    for (const name of NAMES) this.#counts[name] += after[name] - before[name];
  }
}
