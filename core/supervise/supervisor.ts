/**
 * The heart of a pool: one queue of events, one table of slots, and after each
 * event a look at what is wanted against what is there.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import { Adoption } from "../listeners/adoption.ts";
import { PathWatch } from "../listeners/path_watch.ts";
import { Health } from "./health.ts";
import { Processes } from "./processes.ts";
import { messageOf, PreforkError, stateError } from "../errors.ts";
import { marginsOf } from "../options/budget.ts";
import type { PoolView, Step } from "./reconcile.ts";
import { TaskQueue } from "./queue.ts";
import { Recycling } from "./recycling.ts";
import { isForgiven, respawn, wasHitAtBirth } from "./restart.ts";
import { Reloads, servingIn } from "./reload.ts";
import type { StartingWorker } from "../options/hooks.ts";
import { diagnose, diagnoseLeave } from "./diagnosis.ts";
import type { Slot } from "./slot.ts";
import { SlotTable } from "./slot_table.ts";
import type { PoolWorker } from "../worker.ts";
import type { ExitReason } from "./state.ts";

/** How a worker ends that leaves as it wishes. */
const LEFT: ExitStatus = { code: 0, signal: null };

/** Who is told how a pool does as a whole. */
export interface PoolObserver {
  /** A worker is about to be started. */
  onStart(worker: StartingWorker): void;
  /** Every wanted worker is ready. */
  onReady(): void;
  /** No worker has ever been ready, and none will be. */
  onHopeless(error: PreforkError): void;
  /** It was stopping, and the last worker is gone. */
  onEmpty(): void;
  /** A worker did not come up, while others do or did. */
  onFailing(how: string): void;
}

/** Keeps as many workers as are wanted. */
export class Supervisor {
  /** The workers as processes. */
  readonly processes: Processes;
  /** Who accepts on which shard. */
  readonly adoption: Adoption;
  /** The reload that goes on. */
  readonly reloads: Reloads = new Reloads();
  /** Whether it has what it needs to serve. */
  readonly health: Health;
  /** The generation of workers that are started outside a reload. */
  generation = 1;
  /** How many workers are wanted. */
  wanted = 0;
  /** True once the pool is to end. */
  stopping = false;
  readonly #table: SlotTable;
  readonly #context: PoolContext;
  readonly #observer: PoolObserver;
  readonly #paths: PathWatch;
  readonly #recycling: Recycling;
  readonly #queue = new TaskQueue(() => this.#reconcile());
  #everReady = false;

  /** Makes a supervisor that wants no worker yet. */
  constructor(context: Omit<PoolContext, "post">, observer: PoolObserver) {
    this.#context = { ...context, post: (task) => this.post(task) };
    this.#observer = observer;
    this.adoption = new Adoption(context.listeners, context.emit);
    this.#recycling = new Recycling(this.#context);
    this.#table = new SlotTable((slot, worker) =>
      this.adoption.serve(slot, worker)
    );
    this.processes = new Processes(this.#context, {
      onReady: (worker) => {
        this.#paths.look();
        this.#recycling.begin(worker);
        this.#onReady(worker);
      },
      onLeaving: (worker) => this.#onLeaving(worker),
      onGone: (worker, reason, status) => {
        this.#paths.look();
        this.#recycling.end(worker);
        this.#onGone(worker, reason, status);
      },
    });
    this.health = new Health(this.#context, this);
    this.#paths = new PathWatch(this.#context, this.processes.onDemand);
  }

  /** The slots by number. */
  get slots(): ReadonlyMap<number, Slot> {
    return this.#table.slots;
  }

  /** True when every wanted slot has a ready worker. */
  get isReady(): boolean {
    this.#table.aim(this.#view);
    return this.#table.counts.filled === this.wanted;
  }

  /** What is wanted now. */
  get #view(): PoolView {
    const { active } = this.reloads;
    return {
      wanted: this.wanted,
      reloadTo: active?.generation,
      canary: active !== undefined && !active.proven,
      stopping: this.stopping,
      ...marginsOf(this.#context.config, this.wanted),
    };
  }

  /** The slots that are to have a worker. */
  get #wantedSlots(): readonly Slot[] {
    return [...this.slots.values()].filter(({ slot }) => slot < this.wanted);
  }

  /** Puts something into the queue; what it changes is reconciled after it. */
  post(task: () => void): void {
    this.#queue.post(task);
  }

  /** Wants another number of workers. */
  scale(workers: number): void {
    this.post(() => {
      this.wanted = workers;
      // Who comes after nobody runs the program as it is then.
      if (workers === 0) this.reloads.failure = undefined;
    });
  }

  /** Replaces every worker; the promise says how it went. */
  reload(): Promise<void> {
    const { adapter } = this.#context;
    const { promise, begun } = this.reloads.request(adapter.clock.now());
    this.#follow(begun);
    return promise;
  }

  /** Drains every worker, or kills it. */
  stop(quick: boolean): void {
    this.post(() => {
      if (!this.stopping) this.processes.killed = 0;
      this.stopping = true;
      this.reloads.abandon(stateError("reload", "it is stopping"));
      for (const slot of this.slots.values()) {
        slot.wait?.[Symbol.dispose]();
        slot.wait = undefined;
        if (!quick) continue;
        for (const worker of slot.workers) this.processes.step(worker, "kill");
      }
    });
  }

  #reconcile(): void {
    for (;;) {
      // A step may change what is wanted: a program that cannot be started.
      this.#table.aim(this.#view);
      const step = this.#table.next();
      if (step === undefined) break;
      this.#take(step);
    }
    this.adoption.update();
    this.#checkReload();
    this.health.look();
    if (this.stopping && this.slots.size === 0) {
      this.#paths[Symbol.dispose]();
      this.#observer.onEmpty();
    }
  }

  #take(step: Step): void {
    const slot = this.slots.get(step.slot)!;
    switch (step.do) {
      case "spawn":
        this.#retire(slot);
        this.#spawn(slot, "current");
        break;
      case "replace":
        if (!this.reloads.active) this.#recycling.replace(slot.current!);
        this.#spawn(slot, "next");
        break;
      case "promote":
        if (slot.current !== undefined) {
          this.processes.step(slot.current, "drain");
        }
        this.#retire(slot);
        slot.current = slot.next;
        slot.next = undefined;
        break;
      case "vacate":
        if (!this.reloads.active) this.#recycling.replace(slot.current!);
        this.processes.step(slot.current!, "drain");
        this.#retire(slot);
        slot.vacated = true;
        break;
      case "drain":
        for (const worker of slot.workers) this.processes.step(worker, "drain");
        this.#retire(slot);
        this.#dropNext(slot);
        slot.vacated = true;
        break;
      case "forget":
        slot.wait?.[Symbol.dispose]();
        this.#table.forget(slot);
        this.health.forget(slot.slot);
        break;
    }
  }

  #retire(slot: Slot): void {
    if (slot.current !== undefined) slot.former.add(slot.current);
    slot.current = undefined;
  }

  #spawn(slot: Slot, as: "current" | "next"): void {
    const { active } = this.reloads;
    const generation = active?.generation ?? this.generation;
    this.#observer.onStart({ slot: slot.slot, generation });
    try {
      slot.vacated = false;
      slot[as] = this.processes.start(slot.slot, generation);
    } catch (error) {
      const how = messageOf(error);
      this.#fail(slot, generation, how, error);
      // The old worker goes on, and a reload is over with that.
      if ((as === "next" && active !== undefined) || this.stopping) return;
      this.#respawn(slot, how);
    }
  }

  #onReady(worker: PoolWorker): void {
    const { adapter, config } = this.#context;
    const active = this.reloads.active;
    this.#everReady = true;
    this.health.ready(worker.slot);
    const slot = this.slots.get(worker.slot);
    if (slot !== undefined) slot.hits = 0;
    const canary = active !== undefined && !active.proven &&
      worker.generation === active.generation && worker.attached;
    if (canary && config.soak > 0) {
      adapter.clock.after(config.soak, () =>
        this.post(() => {
          if (worker.state !== "ready") return;
          worker.proven = true;
          active.proven = true;
        }));
    } else {
      worker.proven = true;
      if (worker.generation === active?.generation) active.proven = true;
    }
    if (this.isReady) this.post(() => this.#observer.onReady());
  }

  /** It is replaced as a crashed one is, when it leaves early. */
  #onLeaving(worker: PoolWorker): void {
    const slot = this.slots.get(worker.slot);
    if (slot === undefined || this.#isUnwanted(slot)) return;
    const lived = this.#livedOf(worker);
    if (slot.former.has(worker) || isForgiven(lived)) return;
    worker.answered = true;
    const filled = this.#remove(slot, worker);
    slot.former.add(worker);
    const hit = wasHitAtBirth(slot, worker, LEFT, true);
    this.#lost(slot, worker, diagnoseLeave(lived), filled, hit);
  }

  #onGone(
    worker: PoolWorker,
    reason: ExitReason,
    status: ExitStatus,
  ): void {
    const slot = this.slots.get(worker.slot);
    if (slot === undefined) return;
    // It may have called listen(2) on its shard before it ended.
    if (worker.attached) this.adoption.use(worker.slot);
    const filled = this.#remove(slot, worker);
    const asked = reason === "drained" || reason === "recycled";
    if (this.#isUnwanted(slot) || asked || worker.answered) return;
    const how = diagnose(worker, reason, status, this.#livedOf(worker));
    this.#lost(slot, worker, how, filled, wasHitAtBirth(slot, worker, status));
  }

  /**
   * True when the slot has to wait before its next worker: its worker is gone,
   * or the one that was to follow a recycled one.
   */
  #remove(slot: Slot, worker: PoolWorker): boolean {
    const followed = slot.next === worker && this.reloads.active === undefined;
    return slot.remove(worker) || followed;
  }

  #isUnwanted({ slot }: Slot): boolean {
    return this.stopping || slot >= this.wanted;
  }

  /** How long a worker has been ready; undefined if it never was. */
  #livedOf({ readyAt }: PoolWorker): number | undefined {
    return readyAt === undefined
      ? undefined
      : this.#context.adapter.clock.now() - readyAt;
  }

  /** A worker is gone, or about to go, that nobody has asked to. */
  #lost(
    slot: Slot,
    worker: PoolWorker,
    how: string,
    filled: boolean,
    hit: boolean,
  ): void {
    if (!worker.proven && !hit) this.#fail(slot, worker.generation, how);
    if (filled && !this.stopping) {
      this.#respawn(slot, how, this.#livedOf(worker));
    }
  }

  #respawn(slot: Slot, how: string, lived?: number): void {
    respawn(slot, how, lived, this.#context);
    this.health.failed(slot, how);
  }

  /** A worker did not come up, or did not stay up long enough to be trusted. */
  #fail(slot: Slot, generation: number, how: string, cause?: unknown): void {
    const { emit, adapter } = this.#context;
    this.#observer.onFailing(how);
    if (!this.#everReady) {
      this.stopping = true;
      this.processes.mute();
      for (const { workers } of this.slots.values()) {
        for (const worker of workers) this.processes.step(worker, "kill");
      }
      this.#observer.onHopeless(
        cause instanceof PreforkError ? cause : new PreforkError(
          "ERR_BOOT",
          `Cannot start the program: ${how}`,
          cause,
        ),
      );
      return;
    }
    const active = this.reloads.active;
    if (active?.generation === generation) {
      const reason = `slot ${slot.slot}: ${how}`;
      for (const each of this.slots.values()) this.#dropNext(each);
      const serving = servingIn(this.#wantedSlots);
      emit({ type: "reload-failed", generation, reason, serving });
      this.#follow(this.reloads.finish(adapter.clock.now(), {
        told: { generation, reason },
        error: new PreforkError(
          "ERR_RELOAD",
          `Cannot reload: ${reason}; what serves now is ${serving}`,
        ),
      }));
    }
  }

  /** The worker that was to take over leaves. */
  #dropNext(slot: Slot): void {
    if (slot.next === undefined) return;
    this.processes.step(slot.next, "drain");
    slot.former.add(slot.next);
    slot.next = undefined;
  }

  #checkReload(): void {
    const { adapter, emit } = this.#context;
    const active = this.reloads.active;
    if (active === undefined || !this.isReady) return;
    if (this.#table.counts.renewed < this.wanted) return;
    this.generation = active.generation;
    const now = adapter.clock.now();
    const ms = Math.round(now - active.since);
    emit({ type: "reload-finished", generation: active.generation, ms });
    this.#follow(this.reloads.finish(now));
  }

  #follow(begun: { readonly generation: number } | undefined): void {
    if (begun === undefined) return;
    const { generation } = begun;
    this.#context.emit({ type: "reload-started", generation });
    this.post(() => {});
  }
}
