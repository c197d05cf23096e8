/**
 * The real table of slots with workers that are no processes: whoever takes its
 * steps checks each of them against the budget, and the table's own counts
 * against ones that are counted anew.
 */
import assert from "node:assert/strict";
import { marginsOf } from "../../core/options/budget.ts";
import type { Portion } from "../../core/options/budget.ts";
import type { PoolView, Step } from "../../core/supervise/reconcile.ts";
import type { Slot } from "../../core/supervise/slot.ts";
import { SlotTable } from "../../core/supervise/slot_table.ts";
import { WORKER_TABLE, type WorkerEvent } from "../../core/supervise/state.ts";
import { PoolWorker } from "../../core/worker.ts";
import { count, planAll } from "./plan_all.ts";

const NONE: ReadonlySet<string> = new Set();

/** A pool of the table alone. */
export class Rig {
  readonly table: SlotTable;
  /** Who accepts in each slot, as the table tells it. */
  readonly served: Map<number, PoolWorker> = new Map();
  wanted = 0;
  reloadTo: number | undefined;
  canary = false;
  stopping = false;
  generation = 1;
  /** What happened, for the message of a failed assertion. */
  readonly story: string[] = [];
  readonly #surge: Portion;
  readonly #missing: Portion;
  #newest = 1;

  constructor(surge: Portion, missing: Portion) {
    this.#surge = surge;
    this.#missing = missing;
    this.table = new SlotTable((slot, worker) => {
      if (worker === undefined) this.served.delete(slot);
      else this.served.set(slot, worker);
    });
  }

  get view(): PoolView {
    return {
      wanted: this.wanted,
      reloadTo: this.reloadTo,
      undoing: undefined,
      canary: this.canary,
      stopping: this.stopping,
      ...marginsOf(
        { maxSurge: this.#surge, maxUnavailable: this.#missing },
        this.wanted,
      ),
    };
  }

  get workers(): PoolWorker[] {
    return [...this.table.slots.values()].flatMap(({ workers }) => workers);
  }

  says(): string {
    return this.story.slice(-30).join("; ");
  }

  /** Something happens to a worker. */
  happen(worker: PoolWorker, event: WorkerEvent): void {
    this.story.push(`${event} of ${worker.slot} (${worker.state})`);
    const slot = this.table.slots.get(worker.slot)!;
    worker.state = WORKER_TABLE[worker.state][event].next;
    if (event === "exit") slot.remove(worker);
  }

  startReload(): void {
    if (this.reloadTo !== undefined) return;
    this.reloadTo = ++this.#newest;
    this.canary = true;
    this.story.push(`reload to ${this.reloadTo}`);
  }

  /** The reload is given up: what was to take over leaves. */
  giveUp(): void {
    this.reloadTo = undefined;
    this.story.push("reload given up");
    for (const slot of this.table.slots.values()) {
      const { next } = slot;
      if (next === undefined) continue;
      next.state = WORKER_TABLE[next.state].drain.next;
      slot.former.add(next);
      slot.next = undefined;
    }
  }

  /** Takes every step that the table says. */
  reconcile(): void {
    const most = 20 + 8 * (this.wanted + this.table.slots.size);
    for (let round = 0;; round++) {
      this.table.aim(this.view);
      const step = this.table.next();
      if (step === undefined) break;
      assert.ok(round < most, `no end of steps\n${this.says()}`);
      this.#take(step);
    }
    this.#compare();
    const { counts } = this.table;
    if (
      this.reloadTo !== undefined && counts.renewed === this.wanted &&
      counts.filled === this.wanted
    ) {
      this.story.push(`reload to ${this.reloadTo} finished`);
      this.generation = this.reloadTo;
      this.reloadTo = undefined;
      this.reconcile();
    }
  }

  /** What the table knows is what is there, and nothing is left to be done. */
  #compare(): void {
    const slots = [...this.table.slots.values()];
    const counted: Readonly<Record<string, number>> = {
      ...count(slots, this.view),
    };
    for (const [name, known] of Object.entries(this.table.counts)) {
      assert.equal(known, counted[name] ?? 0, `${name}\n${this.says()}`);
    }
    assert.deepEqual(planAll(slots, this.view), [], this.says());
    const ready = slots.flatMap((slot) => slot.ready ? [slot.slot] : []);
    assert.deepEqual([...this.served.keys()].sort(), ready.sort());
  }

  /** How many slots have a ready worker. */
  #servedSlots(): number {
    return [...this.table.slots.values()].filter(({ ready }) => ready).length;
  }

  #take({ do: what, slot: number }: Step): void {
    const slot = this.table.slots.get(number)!;
    const { current, next } = slot;
    const { maxSurge, maxUnavailable } = this.view;
    const served = this.#servedSlots();
    const voluntary = what === "replace" || (what === "spawn" && slot.vacated);
    this.story.push(`${what} ${number}`);
    const recycles = what === "vacate" && current?.spent !== undefined &&
      this.reloadTo === undefined;
    switch (what) {
      case "spawn":
        if (current !== undefined) slot.former.add(current);
        slot.vacated = false;
        slot.current = this.#start(number);
        break;
      case "replace":
        slot.next = this.#start(number);
        break;
      case "promote":
        if (current !== undefined) this.#drain(slot, current);
        slot.current = next;
        slot.next = undefined;
        break;
      case "vacate":
        this.#drain(slot, current!);
        slot.current = undefined;
        slot.vacated = true;
        break;
      case "drain":
        for (const one of slot.workers) this.#drain(slot, one);
        slot.current = slot.next = undefined;
        slot.vacated = true;
        break;
      case "forget":
        assert.equal(slot.workers.length, 0);
        this.table.forget(slot);
        break;
    }
    if (voluntary) {
      assert.ok(
        this.workers.length <= this.wanted + maxSurge,
        `${this.workers.length} alive\n${this.says()}`,
      );
    }
    const after = this.#servedSlots();
    if (after < served && !this.stopping) {
      const least = this.wanted - maxUnavailable;
      assert.ok(after >= least, `${after} ready\n${this.says()}`);
      if (recycles) assert.ok(after > 0, this.says());
    }
  }

  #drain(slot: Slot, worker: PoolWorker): void {
    worker.state = WORKER_TABLE[worker.state].drain.next;
    slot.former.add(worker);
  }

  #start(slot: number): PoolWorker {
    const generation = this.reloadTo ?? this.generation;
    return new PoolWorker(slot, generation, "node", 0, NONE);
  }
}
