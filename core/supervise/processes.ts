/**
 * The workers of a pool as single processes: starts them, walks them through
 * the state table, and reads what they say. Which worker is wanted where is
 * not decided here but by the supervisor.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import { BootOutput, type OutputLine } from "./boot_output.ts";
import { launch } from "../launch/launch.ts";
import { Releases } from "../launch/release.ts";
import { createOnDemand, type OnDemand } from "../listeners/on_demand.ts";
import { type FromWorker, parseFromWorker } from "../protocol.ts";
import { Hangs } from "./hang.ts";
import { HealthChecks } from "./health_check.ts";
import { hearSpent } from "./recycling.ts";
import type { WorkerRuntime } from "../options/options.ts";
import type { StartHook } from "../options/hooks.ts";
import { WorkerWarnings } from "./warnings.ts";
import { exitReasonOf } from "./exit_status.ts";
import { allot } from "./memory_budget.ts";
import { OutOfMemory } from "./oom.ts";
import { Noise } from "./noise.ts";
import { Ledger } from "../balance/receipt.ts";
import { diagnoseOverdue, noteError } from "./diagnosis.ts";
import { pidOf, PoolWorker } from "../worker.ts";
import { Programs } from "./program.ts";
import {
  type ExitReason,
  WORKER_TABLE,
  type WorkerAction,
  type WorkerEvent,
  type WorkerState,
} from "./state.ts";

/** Who decides which worker is wanted where. */
export interface ProcessObserver {
  /** A worker is about to be started. */
  readonly onStart?: StartHook | undefined;
  /** What of the pool's memory is that of a worker which is started now. */
  shareOf?(): number | undefined;
  /** A worker could accept now. */
  onStandby?(worker: PoolWorker): void;
  /** A worker accepts now. */
  onReady(worker: PoolWorker): void;
  /** It was looked at what a worker holds. */
  onLook?(worker: PoolWorker): void;
  /** A worker wants to leave, which nobody has asked of it. */
  onLeaving(worker: PoolWorker): void;
  /** A worker runs nothing any more, and has not ended yet. */
  onEnding?(worker: PoolWorker): void;
  /** A worker's process has ended. */
  onGone(worker: PoolWorker, reason: ExitReason, status: ExitStatus): void;
}

/** Starts workers and follows them. */
export class Processes {
  /** How many workers the pool has killed, since a stop began for that stop. */
  killed = 0;
  /** How much of the grace had passed when the pool began to drain, in ms. */
  spent = 0;
  /** Listeners that workers asked for. */
  readonly onDemand: OnDemand;
  /** What became of the connections of each generation. */
  readonly ledger: Ledger = new Ledger();
  /** Where the program of each generation lies. */
  readonly releases: Releases;
  readonly #context: PoolContext;
  readonly #observer: ProcessObserver;
  readonly #output: BootOutput<PoolWorker>;
  readonly #hangs: Hangs;
  readonly #oom: OutOfMemory;
  readonly #warnings: WorkerWarnings;
  readonly #noise: Noise;
  readonly #checks: HealthChecks;
  readonly #programs: Programs;

  /** Starts none yet. */
  constructor(
    context: PoolContext,
    observer: ProcessObserver,
    onDemand: OnDemand = createOnDemand(context),
  ) {
    this.#context = context;
    this.#observer = observer;
    this.releases = new Releases(context.config, context.adapter.host);
    this.onDemand = onDemand;
    this.#warnings = new WorkerWarnings(context.emit);
    this.#noise = new Noise(context.adapter.clock, context.emit);
    this.#oom = new OutOfMemory(
      context,
      (worker) => observer.onLook?.(worker),
    );
    this.#checks = new HealthChecks(
      context,
      this.#noise,
      (worker, well) => this.step(worker, well ? "resume" : "kill"),
    );
    this.#programs = new Programs(context, {
      ready: (worker) => this.step(worker, "ready"),
      hopeless: (worker) => this.step(worker, "kill"),
    });
    this.#hangs = new Hangs(context, {
      condemn: (worker, evidence) => {
        worker.hung = true;
        worker.failure ??= `it hung: ${evidence.why}`;
        context.traffic.leave(worker);
        context.emit({ type: "worker-hung", ...worker.identity, ...evidence });
      },
      kill: (worker) => this.step(worker, "kill"),
    });
    this.#output = new BootOutput((worker, line: OutputLine) =>
      context.emit({ type: "worker-output", ...worker.identity, ...line })
    );
  }

  /**
   * Starts a worker; with `standby`, and run by that, one that waits for a slot;
   * with `checked` one that has to answer a request before it accepts.
   * @throws {PreforkError} `ERR_BOOT` or `ERR_SPAWN`
   */
  start(
    slot: number,
    generation: number,
    standby?: WorkerRuntime,
    checked = false,
  ): PoolWorker {
    const { adapter, listeners, runtimeOf, habits, post, emit } = this.#context;
    this.#observer.onStart?.({ slot, generation });
    const config = this.releases.launchOf(generation);
    const worker = new PoolWorker(
      slot,
      generation,
      standby ?? runtimeOf(slot),
      adapter.clock.now(),
      new Set(listeners.map(({ name }) => name)),
      standby !== undefined,
      checked,
    );
    allot(worker, this.#observer.shareOf?.(), { config, adapter });
    this.#context.traffic.allot(worker);
    this.#output.begin(worker);
    const release = { ...this.#context, config };
    launch(worker, release, this.releases.variablesOf(generation), {
      onLine: (stream, line) =>
        post(() => {
          if (stream === "stderr") noteError(worker, line, adapter.clock.now());
          this.#output.write(worker, { stream, line });
          this.#programs.read(worker, line);
        }),
      onMessage: (message) => this.#hear(worker, message),
      onConnection: (message, connection) => {
        const parsed = parseFromWorker(message);
        const problem = parsed.kind !== "ours"
          ? "it sent a connection without a word"
          : this.#context.traffic.receive(worker, parsed.message, connection);
        if (problem === undefined) return;
        connection.close();
        post(() => this.#noise.hear(worker, problem));
      },
      onNoise: (problem) =>
        post(() => {
          if (this.#programs.notified(worker)) return;
          this.#noise.hear(worker, problem);
        }),
      onLeft: habits && (() => post(() => this.#programs.left(worker))),
      onEnding: () => post(() => this.#observer.onEnding?.(worker)),
      onExit: (status, cpu) => post(() => this.#reap(worker.used(cpu), status)),
    });
    this.#oom.watch(worker);
    emit({ type: "worker-started", ...worker.identity });
    this.#watch(worker, config.startTimeout);
    this.#programs.watch(worker, config);
    return worker;
  }

  /** Walks a worker through the state table. */
  step(worker: PoolWorker, event: WorkerEvent): void {
    const from = worker.state;
    const { next, actions } = WORKER_TABLE[from][event];
    worker.state = next;
    if (event === "overdue" && next === "killed") this.#blame(worker, from);
    for (const action of actions) this.#act(worker, action);
  }

  /** Shows nothing more of what workers write: the pool gives up. */
  mute(): void {
    this.#output.mute();
  }

  #act(worker: PoolWorker, action: WorkerAction): void {
    const { config, adapter, traffic, emit } = this.#context;
    const times = { ms: config.grace - this.spent, idle: config.idleGrace };
    switch (action) {
      case "welcome":
        worker.timer?.[Symbol.dispose]();
        this.#output.release(worker);
        traffic.join(worker);
        emit({
          type: "worker-ready",
          ...worker.identity,
          ms: worker.welcome(adapter.clock.now()),
        });
        this.#hangs.watch(worker);
        this.#observer.onReady(worker);
        break;
      case "hold":
        this.#output.release(worker);
        if (worker.checked) this.#checks.begin(worker);
        else this.#observer.onStandby?.(worker);
        break;
      case "ask": {
        const asked = worker.attached &&
          worker.tell({ type: "drain", ...times });
        // Whoever does not speak our language understands a signal.
        const { stopSignal = "SIGTERM" } = this.#context.habits ?? {};
        if (!asked) worker.process.kill(stopSignal);
        break;
      }
      case "watch":
        traffic.leave(worker);
        this.#output.release(worker);
        this.#watch(worker, times.ms);
        emit({ type: "worker-draining", ...worker.identity });
        break;
      case "park":
        traffic.leave(worker);
        worker.tell({ type: action, ...times });
        emit({ type: "worker-parked", ...worker.identity });
        break;
      case "quiesce":
        traffic.leave(worker);
        worker.tell({ type: action });
        emit({ type: "worker-quiesced", ...worker.identity });
        break;
      case "resume":
        worker.tell({ type: "resume", slot: worker.slot });
        break;
      case "await":
        worker.resumedAt = adapter.clock.now();
        this.#watch(worker, config.startTimeout);
        break;
      case "kill":
        traffic.leave(worker);
        worker.timer?.[Symbol.dispose]();
        worker.used(adapter.host.usage(pidOf(worker))?.cpu);
        worker.process.kill("SIGKILL");
        break;
      case "reap":
        worker.timer?.[Symbol.dispose]();
        this.#hangs.end(worker);
        this.#oom.end(worker);
        this.#programs.end(worker);
        traffic.lose(worker);
        this.onDemand.lose(worker);
        break;
    }
  }

  #watch(worker: PoolWorker, ms: number): void {
    const { adapter, post } = this.#context;
    worker.timer?.[Symbol.dispose]();
    const overdue = (): void => this.step(worker, "overdue");
    worker.timer = adapter.clock.after(ms, () => post(overdue));
  }

  #blame(worker: PoolWorker, from: WorkerState): void {
    const { config, emit } = this.#context;
    const why = diagnoseOverdue(worker, from, config) +
      (from === "draining" ? this.#hangs.describe(worker) : "");
    worker.failure ??= why;
    emit({
      type: "worker-killed",
      ...worker.identity,
      why: from === "starting" ? worker.failure : why,
    });
  }

  #reap(worker: PoolWorker, status: ExitStatus): void {
    const { adapter, habits, traffic, emit } = this.#context;
    worker.oom = this.#oom.explain(worker, status);
    const reason = exitReasonOf(worker, status, habits?.stopSignal);
    // One that was never ready has served nobody.
    if (reason === "killed" && worker.readyAt !== undefined) this.killed++;
    if (worker.readyAt !== undefined) {
      traffic.look(worker);
      const asked = reason === "drained" || reason === "recycled";
      this.ledger.close(worker.generation, traffic.tally(worker), !asked);
    }
    this.step(worker, "exit");
    worker.forgetError(adapter.clock.now(), status);
    const unborn = worker.readyAt === undefined && reason === "oom";
    if (reason === "boot-failed" || unborn) this.#output.fail(worker);
    else this.#output.release(worker);
    this.#noise.end(worker);
    emit({
      type: "worker-exited",
      ...worker.identity,
      reason,
      ...status,
      ms: Math.round(adapter.clock.now() - worker.startedAt),
      ...(reason === "oom" && { why: worker.oom, rss: worker.rss?.bytes }),
    });
    this.#observer.onGone(worker, reason, status);
  }

  #hear(worker: PoolWorker, raw: unknown): void {
    const { traffic, post, emit } = this.#context;
    const parsed = parseFromWorker(raw);
    if (parsed.kind === "ours") {
      // What is said of connections changes no slot and comes thousands of
      // times a second: it does not go through the queue.
      if (traffic.hear(worker, parsed.message)) return;
      return post(() => this.#obey(worker, parsed.message));
    }
    post(() => {
      if (this.#programs.notified(worker)) return;
      if (parsed.kind === "noise") {
        return this.#noise.hear(worker, parsed.problem);
      }
      const { message } = parsed;
      // As programs say it that were written for PM2's "wait_ready".
      const word = worker.waits ? "standby" : "ready";
      const { waitReady } = this.releases.configOf(worker.generation);
      if (waitReady && message === "ready") this.step(worker, word);
      emit({ type: "worker-message", ...worker.identity, message });
    });
  }

  #obey(worker: PoolWorker, message: FromWorker): void {
    switch (message.type) {
      case "hello":
        worker.attached = true;
        worker.attachedPid = message.pid;
        worker.attachedRuntime = message.runtime;
        this.#oom.watch(worker);
        break;
      case "ready":
      case "standby":
        if (worker.waits !== (message.type === "standby")) {
          this.#noise.hear(worker, `it says "${message.type}"`);
        } else this.step(worker, message.type);
        break;
      case "checked":
        this.#checks.hear(worker, message);
        break;
      case "parked":
      case "unparkable":
        this.#warnings.stopped(worker, message);
        this.step(worker, message.type);
        break;
      case "leaving": {
        const { state } = worker;
        this.step(worker, "leaving");
        if (state !== worker.state) this.#observer.onLeaving(worker);
        break;
      }
      case "spent":
        if (hearSpent(worker, message.count)) break;
        this.#noise.hear(worker, "it is spent too soon");
        break;
      case "failed":
        worker.failure = message.reason;
        break;
      case "warn":
        this.#warnings.tell(message.message);
        break;
      case "open":
        if (worker.process.behind) {
          this.#noise.hear(worker, "it asks for more than it reads answers");
        } else this.onDemand.open(worker, message);
        break;
      case "left":
        if (!this.onDemand.leave(worker, message.listener)) {
          worker.leave(message.listener);
        }
        this.#context.traffic.dispatcher.changed();
        break;
      case "serves":
        worker.resume(message.listener);
        this.#context.traffic.dispatcher.changed();
        break;
      case "adopted": {
        const { listener, shard } = message;
        const told = { ...worker.identity, listener, shard };
        if (worker.toAdopt.answer(listener, shard)) {
          this.#context.emit({ type: "shard-adopted", ...told });
        } else if (!worker.toHelp.answer(listener, shard)) {
          this.#noise.hear(
            worker,
            `it adopted shard ${shard} of "${listener}", which it was not asked to`,
          );
        }
        break;
      }
    }
  }
}
