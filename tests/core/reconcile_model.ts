/** A pool without processes or time: what `plan` says, done at once. */
import assert from "node:assert/strict";
import type {
  PoolView,
  SlotView,
  Step,
} from "../../core/supervise/reconcile.ts";
import {
  WORKER_TABLE,
  type WorkerEvent,
  type WorkerState,
} from "../../core/supervise/state.ts";

import { planAll } from "./plan_all.ts";

/** A worker of the model. */
export interface ModelWorker {
  readonly place: Place;
  readonly generation: number;
  state: WorkerState;
  proven: boolean;
}

/** A slot of the model. */
export interface Place {
  readonly slot: number;
  current: ModelWorker | undefined;
  next: ModelWorker | undefined;
  readonly former: Set<ModelWorker>;
  waiting: boolean;
  vacated: boolean;
}

/** How many steps each slot may have taken after one event. */
const MAX_STEPS = 6;

/** A pool that does what `plan` says and checks each step of it. */
export class Model implements PoolView {
  readonly places: Map<number, Place> = new Map();
  wanted = 0;
  generation = 1;
  reloadTo: number | undefined;
  stopping = false;
  /** What happened, for the message of a failed assertion. */
  readonly story: string[] = [];
  readonly canary = false;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  #newest = 1;

  constructor(maxSurge: number, maxUnavailable = 0) {
    this.maxSurge = maxSurge;
    this.maxUnavailable = maxUnavailable;
  }

  get workers(): readonly ModelWorker[] {
    return [...this.places.values()].flatMap(({ current, next, former }) =>
      [current, next, ...former].filter((one) => one !== undefined)
    );
  }

  /** Something happens to a worker. */
  happen(worker: ModelWorker, event: WorkerEvent): void {
    const { place } = worker;
    this.tell(`${event} of ${place.slot} (${worker.state})`);
    const from = worker.state;
    worker.state = WORKER_TABLE[from][event].next;
    if (event !== "exit") return;
    place.former.delete(worker);
    if (place.current === worker) place.current = undefined;
    if (place.next === worker) place.next = undefined;
    if (from === "draining" || this.stopping) return;
    if (!worker.proven && worker.generation === this.reloadTo) this.giveUp();
  }

  startReload(): void {
    this.reloadTo ??= ++this.#newest;
    this.tell(`reload to ${this.reloadTo}`);
  }

  /** The reload is given up: what was to take over leaves. */
  giveUp(): void {
    this.tell("reload given up");
    this.reloadTo = undefined;
    for (const place of this.places.values()) {
      if (place.next === undefined) continue;
      place.next.state = WORKER_TABLE[place.next.state].drain.next;
      place.former.add(place.next);
      place.next = undefined;
    }
  }

  /** Asks `plan` until it has nothing more to say. */
  reconcile(): void {
    for (let slot = 0; slot < this.wanted && !this.stopping; slot++) {
      if (this.places.has(slot)) continue;
      this.places.set(slot, {
        slot,
        current: undefined,
        next: undefined,
        former: new Set(),
        waiting: false,
        vacated: false,
      });
    }
    const most = MAX_STEPS * this.places.size;
    for (let round = 0;; round++) {
      const [step] = planAll(this.views(), this, 1);
      if (step === undefined) break;
      assert.ok(round < most, `plan never ends\n${this.says()}`);
      this.#take(step);
    }
    this.#finishReload();
  }

  views(): readonly SlotView[] {
    return [...this.places.values()].map((place) => ({
      ...place,
      leaving: place.former.size,
    }));
  }

  tell(what: string): void {
    this.story.push(what);
  }

  says(): string {
    return this.story.slice(-40).join("; ");
  }

  #take(step: Step): void {
    const place = this.places.get(step.slot)!;
    const { current, next } = place;
    this.tell(`${step.do} ${step.slot}`);
    const check = (holds: boolean): void =>
      assert.ok(holds, `${step.do} ${step.slot} is wrong\n${this.says()}`);
    switch (step.do) {
      case "spawn":
        check(!this.stopping && step.slot < this.wanted && !place.waiting);
        check(current === undefined || current.state === "draining");
        check(next === undefined);
        if (current !== undefined) place.former.add(current);
        place.vacated = false;
        place.current = this.#start(place);
        break;
      case "replace":
        check(!this.stopping && current!.generation < this.reloadTo!);
        check(next === undefined);
        check(this.workers.length < this.wanted + this.maxSurge);
        place.next = this.#start(place);
        break;
      case "promote":
        if (current?.state === "ready" || current?.state === "starting") {
          check(next!.state === "ready" && next!.proven);
          current.state = WORKER_TABLE[current.state].drain.next;
        }
        if (current !== undefined) place.former.add(current);
        place.current = next;
        place.next = undefined;
        break;
      case "vacate":
        check(current!.generation < this.reloadTo!);
        this.#leave(place, current!);
        place.current = undefined;
        place.vacated = true;
        break;
      case "drain":
        check(this.stopping || step.slot >= this.wanted);
        if (current !== undefined) this.#leave(place, current);
        if (next !== undefined) this.#leave(place, next);
        place.current = undefined;
        place.next = undefined;
        place.vacated = true;
        break;
      case "forget":
        check(this.stopping || step.slot >= this.wanted);
        check(current === undefined && next === undefined);
        check(place.former.size === 0);
        this.places.delete(step.slot);
        break;
    }
  }

  #leave(place: Place, worker: ModelWorker): void {
    worker.state = WORKER_TABLE[worker.state].drain.next;
    place.former.add(worker);
  }

  #start(place: Place): ModelWorker {
    const generation = this.reloadTo ?? this.generation;
    return { place, generation, state: "starting", proven: false };
  }

  #finishReload(): void {
    if (this.reloadTo === undefined) return;
    for (const { slot, current, next, former } of this.places.values()) {
      if (slot >= this.wanted) continue;
      if (current?.state !== "ready" || !current.proven) return;
      if (current.generation < this.reloadTo) return;
      if (next !== undefined || former.size > 0) return;
    }
    this.tell(`reload to ${this.reloadTo} finished`);
    this.generation = this.reloadTo;
    this.reloadTo = undefined;
  }
}
