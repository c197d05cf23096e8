/**
 * The heart of a pool: one queue of events, one table of slots, and after each
 * event a look at what is wanted against what is there.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import { PathWatch } from "../listeners/path_watch.ts";
import { DeafWorkers } from "./deaf.ts";
import { Down } from "./down.ts";
import { Health } from "./health.ts";
import { adoptionOf } from "./help.ts";
import type { PoolObserver } from "./observer.ts";
import { Processes } from "./processes.ts";
import { messageOf, PreforkError, stateError } from "../errors.ts";
import type { Renewal } from "../options/renewal.ts";
import { marginsOf } from "../options/budget.ts";
import type { Counts, PoolView, Step } from "./reconcile.ts";
import { TaskQueue } from "./queue.ts";
import { MemoryBudget } from "./memory_budget.ts";
import { Recycling } from "./recycling.ts";
import { isForgiven, respawn, wasHitAtBirth } from "./restart.ts";
import { diagnose, diagnoseLeave } from "./diagnosis.ts";
import type { Slot } from "./slot.ts";
import { Scaling } from "./scaling.ts";
import { SlotTable } from "./slot_table.ts";
import { Transaction } from "./transaction.ts";
import { Standbys } from "./standby.ts";
import type { PoolWorker } from "../worker.ts";
import type { ExitReason } from "./state.ts";

/** Keeps as many workers as are wanted. */
export class Supervisor {
  /** The workers as processes. */
  readonly processes: Processes;
  /** Those that wait to take over. */
  readonly standbys: Standbys;
  /** Who accepts on which shard. */
  readonly adoption: ReturnType<typeof adoptionOf>;
  /** Carries reloads out. */
  readonly transaction: Transaction;
  /** What its workers may take of the machine's. */
  readonly memory: MemoryBudget;
  /** Whether it has what it needs to serve. */
  readonly health: Health;
  /** The generation of workers that are started outside a reload. */
  generation = 1;
  /** How many workers are wanted. */
  wanted = 0;
  /** The same before it was none, which is undone to that. */
  usual = 0;
  /** True once the pool is to end. */
  stopping = false;
  /** True while another supervisor has the sockets, too. */
  shares = false;
  readonly #table: SlotTable;
  readonly #context: PoolContext;
  readonly #observer: PoolObserver;
  readonly #paths: PathWatch;
  readonly #recycling: Recycling;
  readonly #deaf: DeafWorkers;
  readonly #queue = new TaskQueue(() => this.#reconcile());
  readonly #down: Down;
  readonly #scaling: Scaling;
  #everReady = false;

  /** Makes a supervisor that wants no worker yet. */
  constructor(context: Omit<PoolContext, "post">, observer: PoolObserver) {
    this.#context = { ...context, post: (task) => this.post(task) };
    this.#observer = observer;
    this.memory = new MemoryBudget(this.#context, this);
    this.adoption = adoptionOf(this.#context);
    this.#recycling = new Recycling(this.#context);
    this.#deaf = new DeafWorkers(this.#context, this.#onDeaf.bind(this));
    this.#table = new SlotTable((slot, worker) =>
      this.adoption.serve(slot, worker)
    );
    this.processes = new Processes(this.#context, {
      onStart: observer.onStart,
      shareOf: () => this.memory.share,
      onStandby: (worker) => this.standbys.welcome(worker),
      onReady: (worker) => {
        this.#paths.look();
        this.#recycling.begin(worker);
        this.#deaf.watch(worker);
        this.#onReady(worker);
      },
      onLook: (worker) => this.#recycling.look(worker),
      onLeaving: (worker) => this.#onLeaving(worker),
      onEnding: (worker) => this.standbys.hasten(worker),
      onGone: (worker, reason, status) => {
        this.#paths.look();
        this.#recycling.end(worker);
        this.#deaf.end(worker);
        this.#onGone(worker, reason, status);
      },
    });
    this.health = new Health(this.#context, this);
    this.transaction = new Transaction(this.#context, this);
    this.#down = new Down(this.#context, this);
    this.standbys = new Standbys(this.#context, this);
    this.#scaling = new Scaling(this.#context, this, observer.onScale);
    this.#paths = new PathWatch(this.#context, this.processes.onDemand);
  }

  /** The slots by number. */
  get slots(): ReadonlyMap<number, Slot> {
    return this.#table.slots;
  }

  /** True when every wanted slot has a ready worker. */
  get isReady(): boolean {
    return this.counts.filled === this.wanted;
  }

  /** True when no worker is there, in whatever state. */
  get isEmpty(): boolean {
    return this.standbys.isEmpty &&
      this.slots.values().every(({ workers }) => workers.length === 0);
  }

  /** What the slots count for. */
  get counts(): Counts {
    this.#table.aim(this.#view);
    return this.#table.counts;
  }

  /** What is wanted now. */
  get #view(): PoolView {
    return {
      wanted: this.wanted,
      ...this.transaction.view,
      stopping: this.stopping,
      ...marginsOf(this.#context.config, this.wanted),
    };
  }

  /** The slots that are to have a worker, by their number. */
  get wantedSlots(): readonly Slot[] {
    // One that was forgotten and is wanted again is the last of the map.
    return [...this.slots.values()].filter(({ slot }) => slot < this.wanted)
      .sort((a, b) => a.slot - b.slot);
  }

  /** Puts something into the queue; what it changes is reconciled after it. */
  post(task: () => void): void {
    this.#queue.post(task);
  }

  /** Wants another number of workers. */
  scale(workers: number): void {
    this.post(() => {
      this.wanted = workers;
      if (workers > 0) this.usual = workers;
      // Who comes after nobody runs the program as it is then.
      if (workers === 0) this.transaction.reloads.forget();
    });
  }

  /** Replaces every worker; the promise says how it went. */
  reload(renewal?: Renewal): Promise<void> {
    return this.transaction.request(renewal);
  }

  /** Drains every worker, or kills it. */
  stop(quick: boolean): void {
    this.post(() => {
      if (!this.stopping) this.processes.killed = 0;
      this.stopping = true;
      this.#scaling[Symbol.dispose]();
      this.transaction.abandon(stateError("reload", "it is stopping"));
      if (quick) this.standbys.kill();
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
    this.transaction.check();
    this.health.look();
    this.#down.look();
    this.standbys.update();
    if (this.stopping && this.slots.size === 0 && this.standbys.isEmpty) {
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
        if (!this.transaction.goesOn) this.#recycling.replace(slot.current!);
        this.#spawn(slot, "next");
        break;
      case "promote":
        this.transaction.replace(slot);
        slot.current = slot.next;
        slot.next = undefined;
        break;
      case "vacate":
        if (!this.transaction.goesOn) this.#recycling.replace(slot.current!);
        this.processes.step(slot.current!, "drain");
        this.#retire(slot);
        slot.vacated = true;
        break;
      case "drain":
        for (const worker of slot.workers) this.processes.step(worker, "drain");
        this.#retire(slot);
        this.dropNext(slot);
        this.transaction.release(slot);
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
    const { generation, goesOn } = this.transaction;
    try {
      slot.vacated = false;
      slot[as] = this.standbys.take(slot.slot) ??
        this.processes.start(
          slot.slot,
          generation,
          undefined,
          this.#context.config.check !== undefined && this.#isNews(generation),
        );
    } catch (error) {
      const how = messageOf(error);
      this.#fail(slot, generation, how, error);
      // The old worker goes on, and a reload is over with that.
      if ((as === "next" && goesOn) || this.stopping) return;
      this.#respawn(slot, how);
    }
  }

  /** True for a version that has not shown yet that it serves. */
  #isNews(generation: number): boolean {
    return !this.#everReady || generation !== this.generation;
  }

  #onReady(worker: PoolWorker): void {
    this.#everReady = true;
    this.health.ready(worker.slot);
    const slot = this.slots.get(worker.slot);
    if (slot !== undefined) slot.hits = 0;
    this.transaction.welcome(worker);
    if (!this.isReady) return;
    this.#scaling.begin();
    this.post(() => this.#observer.onReady());
  }

  /** It is replaced as a crashed one is, when it leaves early. */
  #onLeaving(worker: PoolWorker): void {
    const slot = this.slots.get(worker.slot);
    if (slot === undefined || this.#isUnwanted(slot)) return;
    const lived = this.#livedOf(worker);
    if (slot.former.has(worker) || isForgiven(lived)) return;
    const failed = !worker.proven && !wasHitAtBirth(slot, worker);
    this.#follow(slot, worker, diagnoseLeave(lived), failed);
  }

  /** It serves nobody: the next one does not wait until it has left. */
  #onDeaf(worker: PoolWorker, how: string): void {
    const slot = this.slots.get(worker.slot);
    this.processes.step(worker, "drain");
    if (slot === undefined || this.#isUnwanted(slot)) return;
    const failed = !worker.proven || this.transaction.isOnTrial(worker);
    this.#follow(slot, worker, how, failed);
  }

  /** Another one is started for a worker that is still there. */
  #follow(slot: Slot, worker: PoolWorker, how: string, failed: boolean): void {
    worker.answered = true;
    const filled = this.#remove(slot, worker);
    slot.former.add(worker);
    this.#lost(slot, worker, how, filled, failed);
  }

  #onGone(
    worker: PoolWorker,
    reason: ExitReason,
    status: ExitStatus,
  ): void {
    const end = (lived: number | undefined): string =>
      diagnose(worker, reason, status, lived);
    if (this.standbys.lose(worker, end)) return;
    const slot = this.slots.get(worker.slot);
    if (slot === undefined) return;
    // It may have called listen(2) on its shard before it ended.
    if (worker.attached) this.adoption.use(worker.slot);
    // What becomes of one that was let go before is no failure of its version.
    const retired = slot.former.has(worker);
    const filled = this.#remove(slot, worker);
    const asked = reason === "drained" || reason === "recycled";
    if (this.#isUnwanted(slot) || asked || retired || worker.answered) return;
    const how = end(this.#livedOf(worker));
    const hit = wasHitAtBirth(slot, worker, status);
    const trial = filled && reason !== "killed" &&
      reason !== "crashed-draining" && this.transaction.isOnTrial(worker);
    this.#lost(slot, worker, how, filled, !hit && (trial || !worker.proven));
  }

  /**
   * True when the slot has to wait before its next worker: its worker is gone,
   * or the one that was to follow a recycled one.
   */
  #remove(slot: Slot, worker: PoolWorker): boolean {
    const followed = slot.next === worker && !this.transaction.goesOn;
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
    failed: boolean,
  ): void {
    if (failed) this.#fail(slot, worker.generation, how);
    // The one that takes over again is not to blame.
    if (!filled || this.stopping || slot.next !== undefined) return;
    this.#respawn(slot, how, this.#livedOf(worker));
  }

  #respawn(slot: Slot, how: string, lived?: number): void {
    const delay = respawn(slot, how, lived, this.#context);
    this.health.failed(slot, how);
    this.standbys.relieve(slot, delay);
  }

  /** A worker did not come up, or did not stay up long enough to be trusted. */
  #fail(slot: Slot, generation: number, how: string, cause?: unknown): void {
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
    this.transaction.fail(slot.slot, generation, how);
  }

  /** The worker that was to take over leaves. */
  dropNext(slot: Slot): void {
    if (slot.next === undefined) return;
    this.processes.step(slot.next, "drain");
    slot.former.add(slot.next);
    slot.next = undefined;
  }
}
