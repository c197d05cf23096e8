/**
 * A reload as a transaction: every worker is of the new generation and holds
 * through the probation, or what served before serves again. Old workers are
 * parked until that is decided, so that to go back takes milliseconds and
 * nothing of the disk.
 *
 * @module
 */

import { queuedAt } from "../balance/receipt.ts";
import type { PoolContext } from "../context.ts";
import { PreforkError } from "../errors.ts";
import type { PoolWorker } from "../worker.ts";
import type { Renewal } from "../options/renewal.ts";
import type { MemoryBudget } from "./memory_budget.ts";
import type { Processes } from "./processes.ts";
import type { Counts } from "./reconcile.ts";
import { type Reload, type ReloadPhase, Reloads, servingIn } from "./reload.ts";
import type { Slot } from "./slot.ts";

/** The pool whose workers are replaced. */
export interface Reloadable {
  /** Its slots by number. */
  readonly slots: ReadonlyMap<number, Slot>;
  /** Those that are to have a worker. */
  readonly wantedSlots: readonly Slot[];
  /** The same, counted. */
  readonly wanted: number;
  /** The last generation that was good. */
  generation: number;
  /** Walks its workers through the state table. */
  readonly processes: Pick<Processes, "step" | "releases" | "ledger">;
  /** What the slots count for. */
  readonly counts: Counts;
  /** What its workers may take of the machine's. */
  readonly memory: Pick<MemoryBudget, "crowd">;
  /** The worker that was to take over a slot leaves. */
  dropNext(slot: Slot): void;
}

/** Carries reloads out, and back where one of them fails. */
export class Transaction {
  /** The reloads as they were asked for. */
  readonly reloads: Reloads = new Reloads();
  readonly #context: PoolContext;
  readonly #pool: Reloadable;
  #probation: Disposable | undefined;
  /** The reload whose probation is over. */
  #held: Reload | undefined;
  /** Slots of which it is not known yet that the old version serves again. */
  readonly #undone: Set<number> = new Set();

  /** Makes one for a pool. */
  constructor(context: PoolContext, pool: Reloadable) {
    this.#context = context;
    this.#pool = pool;
  }

  /** What the plan has to know. */
  get view(): {
    readonly reloadTo: number | undefined;
    readonly undoing: number | undefined;
    readonly canary: boolean;
  } {
    const { active } = this.reloads;
    const back = active?.phase === "rolling-back";
    return {
      reloadTo: back ? undefined : active?.generation,
      undoing: back && active.stuck === undefined
        ? active.generation
        : undefined,
      canary: active?.phase === "replacing" && !active.proven,
    };
  }

  /** True while a reload goes on, or back. */
  get goesOn(): boolean {
    return this.reloads.active !== undefined;
  }

  /** The generation of workers that are started now. */
  get generation(): number {
    return this.view.reloadTo ?? this.#pool.generation;
  }

  /** Asks for a reload; the promise says how it went. */
  request(renewal?: Renewal): Promise<void> {
    const { adapter } = this.#context;
    const { promise, begun } = this.reloads.request(
      adapter.clock.now(),
      this.#pool.generation,
      renewal,
    );
    this.#follow(begun);
    return promise;
  }

  /** Nothing of it matters any more: the pool stops. */
  abandon(reason: Error): void {
    this.#probation?.[Symbol.dispose]();
    this.#undone.clear();
    this.reloads.abandon(reason);
  }

  /** A worker is ready: it is trusted at once, or after it has proved itself. */
  welcome(worker: PoolWorker): void {
    const { config, adapter, post } = this.#context;
    const { active } = this.reloads;
    const isNew = worker.generation === active?.generation &&
      active.phase === "replacing";
    if (!isNew || active.proven || !worker.attached || config.soak === 0) {
      this.#trust(worker);
      return;
    }
    worker.timer = adapter.clock.after(config.soak, () =>
      post(() => {
        if (worker.state === "ready") this.#trust(worker);
      }));
  }

  /** The worker that fills a slot gives way to the one that is to take over. */
  replace(slot: Slot): void {
    const { current, next } = slot;
    if (current === undefined) return;
    slot.current = undefined;
    if (next !== undefined && this.#parks(current, next)) {
      if (slot.parked !== undefined) slot.former.add(slot.parked);
      slot.parked = current;
      this.#pool.processes.step(current, "park");
    } else {
      slot.former.add(current);
      this.#pool.processes.step(current, "drain");
    }
  }

  /** True for a worker whose end by itself is the end of the reload. */
  isOnTrial({ generation }: PoolWorker): boolean {
    const { active } = this.reloads;
    return generation === active?.generation &&
      (active.phase === "replacing" || active.phase === "probation");
  }

  /**
   * A worker of a generation has failed. Of the new one that is the end of the
   * reload, of the old one the end of its rollback.
   */
  fail(slot: number, generation: number, how: string): void {
    const { active } = this.reloads;
    if (active === undefined) return;
    const reason = `slot ${slot}: ${how}`;
    if (active.phase === "rolling-back") {
      if (generation !== active.generation) active.stuck ??= reason;
    } else if (active.phase !== "committing") {
      if (generation === active.generation) this.#rollBack(active, reason);
    }
  }

  /** Goes on as far as what is there allows. */
  check(): void {
    const { config, emit, adapter, post } = this.#context;
    const { active } = this.reloads;
    switch (active?.phase) {
      case "replacing": {
        if (!this.#isRenewed()) return;
        if (config.probation === 0) return this.#commit(active);
        this.#enter(active, "probation");
        const ms = Math.round(adapter.clock.now() - active.since);
        const { generation } = active;
        emit({ type: "reload-probation", generation, ms });
        this.#probation = adapter.clock.after(
          config.probation,
          () => post(() => this.#held = active),
        );
        return;
      }
      case "probation":
        // Who leaves at a SIGTERM has a successor that is not there yet.
        if (this.#held === active && this.#isRenewed()) this.#commit(active);
        return;
      case "committing":
        if (this.#isRenewed() && this.#pool.counts.parked === 0) {
          this.#finish(active);
        }
        return;
      case "rolling-back":
        if (this.#isUndone(active)) this.#giveUp(active);
        return;
    }
  }

  /** The slot is emptied: its old worker leaves too. */
  release(slot: Slot): void {
    const { parked } = slot;
    if (parked === undefined) return;
    slot.parked = undefined;
    slot.former.add(parked);
    this.#pool.processes.step(parked, "drain");
  }

  #trust(worker: PoolWorker): void {
    const { active } = this.reloads;
    worker.proven = true;
    if (worker.generation === active?.generation) active.proven = true;
  }

  #parks(worker: PoolWorker, next: PoolWorker): boolean {
    const { active } = this.reloads;
    return this.#context.config.rollback === "park" &&
      active?.phase === "replacing" && active.unparked === undefined &&
      next.generation === active.generation &&
      worker.generation !== active.generation &&
      worker.state === "ready" && worker.attached;
  }

  #isRenewed(): boolean {
    const { counts, wanted } = this.#pool;
    return counts.filled === wanted && counts.renewed === wanted;
  }

  #commit(active: Reload): void {
    this.#enter(active, "committing");
    this.#pool.generation = active.generation;
    for (const slot of this.#pool.slots.values()) {
      if (slot.parked !== undefined) {
        this.#pool.processes.step(slot.parked, "drain");
      }
    }
    this.check();
  }

  #finish(active: Reload): void {
    const { generation } = active;
    const now = this.#context.adapter.clock.now();
    const ms = Math.round(now - active.since);
    this.#account(active);
    const { inQueue } = active;
    this.#context.emit({ type: "reload-finished", generation, ms, inQueue });
    this.#pool.processes.releases.keep(generation);
    this.#follow(this.reloads.finish(now, generation));
  }

  #rollBack(active: Reload, reason: string): void {
    this.#probation?.[Symbol.dispose]();
    active.reason = reason;
    this.#enter(active, "rolling-back");
    const { generation } = active;
    let replaced = false;
    for (const slot of this.#pool.slots.values()) {
      if (slot.next?.generation === generation) this.#pool.dropNext(slot);
      replaced ||= slot.current?.generation === generation ||
        slot.parked !== undefined;
      const { parked } = slot;
      if (parked?.state !== "parked") continue;
      slot.parked = undefined;
      slot.next = parked;
      this.#pool.processes.step(parked, "resume");
    }
    if (this.#context.config.rollback === "none") {
      return this.#giveUp(active);
    }
    for (const slot of this.#pool.wantedSlots) this.#undone.add(slot.slot);
    if (!replaced) return;
    this.#context.emit({ type: "reload-rollback", generation, reason });
  }

  /** True when what served before serves again, as far as it can. */
  #isUndone({ generation, stuck }: Reload): boolean {
    for (const number of this.#undone) {
      // One that was not wanted for a while may have been forgotten, and is
      // another one by now.
      const { current, next } = this.#pool.slots.get(number) ?? {};
      const done = number >= this.#pool.wanted ||
        next === undefined &&
          (stuck !== undefined ||
            serves(current) && current?.generation !== generation);
      if (!done) return false;
      this.#undone.delete(number);
    }
    return true;
  }

  #giveUp(active: Reload): void {
    const { adapter, emit } = this.#context;
    const { generation, reason = "", stuck } = active;
    const now = adapter.clock.now();
    this.#undone.clear();
    const slots = this.#pool.wantedSlots;
    const serving = servingIn(slots);
    const state = slots.some(({ ready }) => ready?.generation === generation)
      ? "mixed"
      : "failed";
    const why = stuck === undefined
      ? reason
      : `${reason}; not all of the old version is back, ${stuck}`;
    active.reason = why;
    this.#pool.processes.releases.keep(this.#pool.generation);
    this.#account(active);
    const ms = Math.round(now - active.since);
    const { inQueue } = active;
    const told = { generation, ms, inQueue, reason: why, serving };
    emit({ type: "reload-failed", state, ...told });
    const error = new PreforkError(
      "ERR_RELOAD",
      `Cannot reload: ${why}; what serves now is ${serving}`,
    );
    this.#follow(
      this.reloads.finish(now, this.#pool.generation, { error, state }),
    );
  }

  /** Says what became of the connections, as far as anybody knows. */
  #account(active: Reload): void {
    const { adapter, listeners, traffic, emit } = this.#context;
    const { slots, processes: { ledger }, generation } = this.#pool;
    traffic.loads();
    const present = [...slots.values()].flatMap(({ workers }) => workers)
      .filter(({ readyAt }) => readyAt !== undefined)
      .map((one) => [one.generation, traffic.tally(one)] as const);
    active.receipts = ledger.receipts(present).filter(
      ({ accepted, passedOn }) => (accepted ?? passedOn) !== undefined,
    );
    for (const receipt of active.receipts) {
      emit({ type: "reload-receipt", ...receipt });
    }
    ledger.keep(generation);
    active.inQueue = queuedAt(listeners, adapter.host);
  }

  #enter(active: Reload, phase: ReloadPhase): void {
    active.phase = phase;
    active.phaseSince = this.#context.adapter.clock.now();
  }

  /** Why there is no room for the old workers beside the new ones. */
  #crowd(): string | undefined {
    const { memory, slots, wantedSlots } = this.#pool;
    if (this.#context.config.rollback !== "park") return undefined;
    const present = [...slots.values()].flatMap(({ workers }) => workers);
    const replaced = wantedSlots.flatMap(({ current }) => current ?? []);
    return memory.crowd(present, replaced, "parked");
  }

  #follow(begun: Reload | undefined): void {
    if (begun === undefined) return;
    const { generation, renewal } = begun;
    begun.unparked = this.#crowd();
    if (renewal) this.#pool.processes.releases.begin(generation, renewal);
    const options = renewal?.names.join(",");
    this.#context.emit({
      type: "reload-started",
      generation,
      ...(options && { options }),
      ...(begun.unparked !== undefined && {
        rollback: "restart",
        why: begun.unparked,
      }),
    });
    this.#context.post(() => {});
  }
}

/** True for a worker that serves, or would if a user had not quiesced it. */
function serves(worker: PoolWorker | undefined): boolean {
  return worker?.state === "ready" || worker?.state === "quiesced";
}
