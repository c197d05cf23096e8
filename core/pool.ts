/**
 * The pool: what a program that supervises workers holds in its hands.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import { Cleanup } from "./cleanup.ts";
import { announcePool } from "./warnings.ts";
import type { PoolContext } from "./context.ts";
import { PreforkError, stateError } from "./errors.ts";
import { DrainDelay } from "./drain_delay.ts";
import { EventStream } from "./event_stream.ts";
import { Hooks, UserCode } from "./hooks.ts";
import type { PoolEvent, PoolStatus, StopReport } from "./events.ts";
import { closeListeners } from "./listeners/listeners.ts";
import { checkOptions } from "./options/check.ts";
import type { PoolConfig, PoolOptions } from "./options/options.ts";
import type { ReloadOptions } from "./options/renewal.ts";
import { given } from "./options/values.ts";
import { checkScale } from "./options/scaling.ts";
import type { ListenerSpec } from "./options/address.ts";
import { type Place, prepare, type Prepared } from "./preflight.ts";
import { attend } from "./signals.ts";
import { reload } from "./renewal.ts";
import { reportOf, statusOf } from "./status.ts";
import { keepStatusFile } from "./status_file.ts";
import { Learning } from "./supervise/learning.ts";
import { quiesce, type QuiesceOptions, resume } from "./supervise/quiesce.ts";
import { restart } from "./supervise/recycling.ts";
import { sendTo, tellEach } from "./supervise/slot.ts";
import { NOBODY } from "./control/verbs.ts";
import { Control } from "./control/control.ts";
import { Monitor } from "./monitor/monitor.ts";
import { Supervisor } from "./supervise/supervisor.ts";
import { Ready } from "./ready.ts";
import { Lineage } from "./upgrade/lineage.ts";
import type { SuccessorOptions, UpgradeReport } from "./upgrade/upgrades.ts";
import { Watch } from "./watch/watch.ts";
import { Traffic } from "./balance/traffic.ts";

const STOPPED = "it was stopped";
const STOPPING = "it is stopping";
const UNSTARTED = "it has not been started, await its start() first";

interface Running extends Omit<PoolContext, "post"> {
  readonly supervisor: Supervisor;
}

/**
 * Keeps worker processes behind listening sockets. This is the runtime-neutral
 * part: what it asks of the world comes from the adapter it is given.
 */
export class PoolCore implements AsyncDisposable {
  readonly #config: PoolConfig;
  readonly #load: () => Promise<Adapter>;
  readonly #events = new EventStream<PoolEvent>();
  readonly #userCode = new UserCode((message) => this.warn(message));
  readonly #hooks: Hooks;
  readonly #delay = new DrainDelay();
  readonly #lineage = new Lineage(this.#events);
  readonly #emit = (event: PoolEvent): void => this.#events.push(event);
  readonly #stopped = Promise.withResolvers<StopReport>();
  readonly #cleanup = new Cleanup();
  readonly #ready = new Ready();
  #started: Promise<void> | undefined;
  #learning: Learning | undefined;
  #running: Running | undefined;
  #failure: PreforkError | undefined;
  #since = 0;
  /** How its end was told of: that may come when a worker is being started. */
  #stopping: "told" | "quick" | undefined;
  #ended = false;

  /**
   * Checks the options; nothing is opened or started yet.
   *
   * @internal
   */
  constructor(options: PoolOptions, load: () => Promise<Adapter>) {
    this.#config = checkOptions(options);
    this.#load = load;
    this.#hooks = new Hooks(this.#config.hooks, this.#userCode);
    this.#events.listen((event) => this.#hooks.follow(event));
  }

  /**
   * Binds the listeners, starts the workers and waits until every one of them
   * is ready.
   *
   * @throws {PreforkError} `ERR_SHARE_MODE` when a mode cannot work here,
   * `ERR_BIND` when a listener cannot be bound, `ERR_BOOT` when the program
   * does not come up, `ERR_SPAWN` when it cannot be executed at all,
   * `ERR_STATUS_FILE` when that file cannot be written, `ERR_STATE` when the pool
   * was stopped meanwhile or before
   */
  async start(): Promise<void> {
    const over = this.#ended ? STOPPED : this.#isStopping && STOPPING;
    this.#started ??= this.#start();
    await this.#started;
    if (over) throw stateError("start", over);
  }

  /**
   * Waits until every wanted worker is ready, for instance after `scale`.
   *
   * @throws {PreforkError} `ERR_STATE` when the pool ends before that
   */
  ready(): Promise<void> {
    if (this.#running?.supervisor.isReady === true && !this.#ended) {
      return Promise.resolve();
    }
    return this.#ready.wait();
  }

  /**
   * Changes the number of workers. Those that are too many drain; in `sharded`
   * another worker takes over their shards first.
   *
   * @throws {RangeError} when it is not from 0 to `maxWorkers`, or in the range
   * @throws {PreforkError} `ERR_STATE` when the pool does not run
   */
  scale(workers: number): void {
    const { config, maxWorkers } = this.#require("scale", true);
    this.#scale(checkScale(workers, config.range, maxWorkers));
  }

  /**
   * Replaces the workers slot by slot, each new one ready before the old one
   * stops to accept. Resolves when the new ones have lived through the
   * `probation` and the last old one is gone. A reload asked for during another
   * one follows it.
   *
   * @throws {PreforkError} `ERR_RELOAD` when a new worker does not come up, or
   * ends by itself before that: what served before serves again, and the message
   * says why, and which generation serves in which slots; or when the options
   * cannot be used. Those that it had count on then. `ERR_STATE` when the pool
   * does not run
   */
  reload(asked: ReloadOptions = {}): Promise<void> {
    const done = (async () => {
      const { options } = given("reload", asked);
      const running = this.#require("reload", true);
      await reload(this.#renewable, running, this.#config, options);
    })();
    // Whoever does not wait for the answer hears of it by an event.
    done.catch(() => {});
    return done;
  }

  /**
   * Replaces the worker of a slot within the budget, as recycling does.
   *
   * @throws {RangeError} when the slot has no worker that is ready
   * @throws {PreforkError} `ERR_STATE` when the pool does not run
   */
  restart(slot: number): void {
    restart(this.#require("restart a worker of", true).supervisor, slot);
  }

  /**
   * Has the worker of a slot stop accepting; resolves when it has. What it has
   * open goes on, and nobody takes its place, until `resume` or `restart`, a
   * reload, or its end.
   *
   * @throws {RangeError} when the slot has no worker that is ready
   * @throws {PreforkError} `ERR_STATE` when the pool does not run, is reloading
   * or has no other worker that is ready, or this one cannot stop: see `message`
   */
  async quiesce(slot: number, options?: QuiesceOptions): Promise<void> {
    await quiesce(this.#require("quiesce a worker of", true), slot, options);
  }

  /**
   * Has a worker that was quiesced accept again; resolves when it does.
   *
   * @throws {RangeError} when the slot has no worker that is ready or quiesced
   * @throws {PreforkError} `ERR_STATE` when it ends, or the pool does not run
   */
  async resume(slot: number): Promise<void> {
    await resume(this.#require("resume a worker of", true), slot);
  }

  /**
   * Replaces the supervisor too: starts another one beside this one, which gets
   * every socket. Resolves when each of its workers is ready; this pool drains
   * and ends then, which `stop()` waits for. If it does not become ready, this
   * pool goes on as if nothing had happened.
   *
   * @param options `command` goes before the option `upgradeCommand`; with `to` a
   * server in another language takes this pool's place, with its sockets
   * @throws {TypeError} when they are no object, or a command in them is none
   * @throws {PreforkError} `ERR_UPGRADE` when the other one does not become
   * ready: its message says why; `ERR_SPAWN` when it cannot be started;
   * `ERR_STATE` when the pool does not run, is reloading or not ready
   */
  async upgrade(options: SuccessorOptions = {}): Promise<UpgradeReport> {
    this.#require("upgrade");
    return await this.#lineage.upgrade(options);
  }

  /**
   * Stops accepting, lets the workers finish, closes the listeners; resolves when
   * the last worker is gone, and at once where the pool has ended before. A worker
   * that has not finished within `grace` is killed, and with `quick` each of them
   * is, without a wait. Called again, it can only be hastened.
   *
   * With the option `drainDelay` the workers accept that long before, while
   * `status()` says `stopping`: unless `quick`, and not with `delay: false`,
   * which ends a wait that goes on.
   *
   * @param options `quick` is false and `delay` true unless given
   * @throws {TypeError} as a rejection, when they are no object
   */
  stop(
    options: { readonly quick?: boolean; readonly delay?: boolean } = {},
  ): Promise<StopReport> {
    try {
      given("stop", options);
    } catch (error) {
      return Promise.reject(error);
    }
    const quick = options.quick ?? false;
    const active = this.#learning ?? this.#running?.supervisor;
    if (active === undefined && !this.#ended) this.#end(0);
    if (this.#ended || active === undefined) return this.#stopped.promise;
    if (this.#lineage.stop(quick)) return this.#stopped.promise;
    const serves = this.#ready.told && !active.stopping;
    if (!quick && serves && this.#running !== undefined) {
      const { delay = true } = options;
      const { shares: shared } = this.#lineage;
      const again = () => void this.stop({ delay: false });
      const request = { delay, shared, again };
      if (this.#delay.holds(this.#running, request)) {
        return this.#stopped.promise;
      }
    }
    this.#delay.end();
    const told = this.#stopping ?? (active.stopping || this.#delay.told);
    if (quick ? told !== "quick" : !told) {
      this.#emit({ type: "stopping", quick });
    }
    this.#stopping = quick ? "quick" : this.#stopping ?? "told";
    this.#running?.traffic.flush();
    active.stop(quick);
    if (this.#running) this.#delay.close(this.#running.supervisor);
    return this.#stopped.promise;
  }

  /** A picture of the pool at this moment. */
  status(): PoolStatus {
    return statusOf({
      ...this.#running,
      upgrading: this.#lineage.active,
      learning: this.#learning,
      ended: this.#ended,
      leaving: this.#delay.waits,
      announced: this.#ready.told,
    });
  }

  /** The events of the pool from now on; the loop ends when the pool does. */
  events(): AsyncIterableIterator<PoolEvent> {
    return this.#events.read();
  }

  /**
   * Has a function called with each event of one type, soon after it has
   * happened, until the returned one is disposed. One that throws or rejects
   * hurts nobody: a `warning` tells of it, once for each type.
   *
   * @throws {TypeError} when there are no such events, or the listener is no
   * function
   */
  on<T extends PoolEvent["type"]>(
    type: T,
    listener: (event: Extract<PoolEvent, { readonly type: T }>) => unknown,
  ): Disposable {
    const hear = listener as (event: PoolEvent) => unknown;
    return this.#events.listen(this.#userCode.listener(type, hear));
  }

  /**
   * Sends a message of the user's own to the worker of a slot, or to every
   * worker that serves. Returns how many were reached.
   *
   * @throws {TypeError} when JSON has nothing for it, or its key "prefork" marks
   * it as a message of prefork itself
   * @throws {PreforkError} `ERR_STATE` when the pool does not run
   */
  send(message: unknown, slot?: number): number {
    const { supervisor } = this.#require("send to");
    return sendTo(supervisor.slots.values(), message, slot);
  }

  /** Tells the operator something, as an event. */
  warn(message: string): void {
    this.#emit({ type: "warning", message });
  }

  /** Tells what each worker does, and of a failed reload, as events. */
  report(): void {
    for (const event of reportOf(this.status())) this.#emit(event);
  }

  /**
   * Has log files opened anew, after they were renamed: by an event, and by the
   * handlers of SIGUSR1 that programs have, without a signal.
   */
  reopenLogs(): void {
    const supervisor = this.#running?.supervisor;
    const workers = supervisor ? tellEach(supervisor, { type: "reopen" }) : 0;
    this.#emit({ type: "logs-reopening", workers });
  }

  /** What a reload does with the pool as a whole. */
  get #renewable(): Parameters<typeof reload>[0] {
    return {
      comeUp: () => this.#ready.wait(true),
      scale: (workers) => this.scale(workers),
      warn: (message) => this.warn(message),
    };
  }

  /** Stops the pool and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    try {
      const adapter = await this.#load();
      await this.#begin(await this.#lineage.begin(adapter, this.#config));
    } catch (error) {
      await this.#lineage.fail(error);
      // Nobody has come to it, and nobody will.
      if (this.#running === undefined && !this.#ended) {
        if (error instanceof PreforkError) this.#failure ??= error;
        this.#end(0);
      }
      throw error;
    }
  }

  async #begin(adapter: Adapter): Promise<void> {
    const { heritage } = this.#lineage;
    this.#since = adapter.clock.now();
    if (this.#ended) throw stateError("start", STOPPED);
    const { signals, statusFile } = this.#config;
    this.#cleanup.add(
      ...keepStatusFile(adapter, statusFile, this, this.#events, heritage),
    );
    // Before anything else: a signal without a handler is lost on PID 1, and
    // ends any other process.
    const running = () => this.#running;
    this.#cleanup.add(
      ...attend(this, adapter, signals, running, this.#lineage),
    );
    const { fail } = this.#cleanup;
    const known = { config: this.#config, adapter, heritage };
    const plan = { ...known, events: this.#events, running };
    const monitor = await Monitor.open(this, plan).catch(fail);
    this.#cleanup.add(monitor);
    const learn = (place: Place) => this.#learn(place, adapter);
    const prepared = await prepare(this.#config, adapter, learn, heritage)
      .catch(fail);
    const { listeners, maxWorkers } = prepared;
    const { workers: wanted = prepared.workers } = heritage?.handover ?? {};
    const workers = Math.min(wanted, maxWorkers);
    try {
      if (this.#ended) throw stateError("start", STOPPED);
      this.#assemble(prepared, adapter, monitor);
    } catch (error) {
      // Nobody has come to it, and another start finds the addresses free.
      this.#running?.traffic.close();
      this.#running = undefined;
      closeListeners(listeners);
      fail(error);
    }
    const { supervisor, traffic } = this.#running!;
    const pool = {
      ...this.#running!,
      monitor,
      workers: prepared.workers,
      ready: () => this.ready(),
      stop: () => this.stop({ delay: false }),
      stopped: this.#stopped.promise,
    };
    this.#lineage.attach(pool);
    announcePool(prepared, adapter, this.#emit);
    traffic.steering.announce();
    supervisor.scale(workers);
    await this.ready().catch((error) => {
      // Who waits for a start has not asked for the wait.
      const { code } = error as PreforkError;
      throw code === "ERR_STATE" ? stateError("start", STOPPED) : error;
    });
    if (await this.#lineage.complete(pool)) return;
    throw this.#failure ?? stateError("start", STOPPED);
  }

  /** Makes what keeps the workers, and wants none yet. */
  #assemble(
    prepared: Prepared,
    adapter: Adapter,
    monitor: Monitor,
  ): void {
    const emit = this.#emit;
    const { heritage } = this.#lineage;
    const { config, listeners } = prepared;
    const traffic = new Traffic(config, listeners, adapter, emit);
    const context = { ...prepared, adapter, heritage, traffic, emit };
    const supervisor = new Supervisor(context, {
      onStart: (worker) => this.#hooks.beforeStart(worker),
      onReady: () => this.#onReady(),
      onHopeless: (error) => this.#failure ??= error,
      onEmpty: () => this.#onEmpty(),
      onFailing: (how) => this.#onFailing(how),
      onScale: (workers, reason) => this.#scale(workers, { reason }),
    });
    this.#running = { ...context, supervisor };
    this.#cleanup.add(new Control(this, { ...context, monitor }));
    this.#cleanup.add(new Watch(this, context));
  }

  #scale(workers: number, why: { readonly reason?: string } = {}): void {
    const { supervisor, supervisor: { wanted: from } } = this.#running!;
    if (workers === from || this.#lineage.active) return;
    this.#emit({ type: "scaled", from, to: workers, ...why });
    if (workers === 0) this.warn(NOBODY);
    supervisor.scale(workers);
    // Whom somebody waits for may be wanted no more.
    if (workers < from) {
      supervisor.post(() => supervisor.isReady && this.#onReady());
    }
    this.#lineage.scaled(workers);
  }

  /** A worker did not come up. */
  #onFailing(how: string): void {
    this.#ready.fail(new PreforkError("ERR_BOOT", how));
    if (!this.#lineage.givesUp()) return;
    const message = `Cannot start the program: ${how}`;
    this.#failure ??= new PreforkError("ERR_BOOT", message);
    void this.#lineage.fail(this.#failure);
    void this.stop({ delay: false });
  }

  /** Has the program show where it listens. */
  async #learn(
    place: Place,
    adapter: Adapter,
  ): Promise<readonly ListenerSpec[]> {
    if (this.#ended) throw stateError("start", STOPPED);
    this.#learning = new Learning(place, adapter, this.#emit);
    try {
      return await this.#learning.learn();
    } finally {
      if (this.#learning.stopping) this.#end(0);
      this.#learning = undefined;
    }
  }

  #onReady(): void {
    this.#running!.traffic.steering.ready();
    if (!this.#ready.tell()) return;
    const { config: { name }, adapter: { clock, host }, supervisor } = this
      .#running!;
    const { wanted: workers } = supervisor;
    const ms = Math.round(clock.now() - this.#since);
    this.#emit({ type: "pool-ready", workers, ms, pid: host.pid, name });
  }

  #onEmpty(): void {
    if (this.#ended) return;
    const { listeners, traffic, supervisor: { processes } } = this.#running!;
    processes.onDemand.close();
    traffic.close();
    this.#lineage.close(listeners);
    this.#end(processes.killed);
  }

  #end(killed: number): void {
    this.#ended = true;
    this.#delay.end();
    this.#cleanup[Symbol.dispose]();
    if (this.#running ?? this.#learning) {
      this.#emit({ type: "stopped", killed });
    }
    this.#events.close();
    this.#ready.end(this.#failure ?? stateError("wait for", STOPPED));
    this.#stopped.resolve({ killed });
  }

  #require(action: string, change = false): Running {
    // Nothing is to change while a successor starts with what there is.
    if (change && this.#lineage.active) {
      throw stateError(action, "it is being upgraded");
    }
    if (this.#running !== undefined && !this.#isStopping) return this.#running;
    if (this.#ended) throw stateError(action, STOPPED);
    throw stateError(action, this.#running ? STOPPING : UNSTARTED);
  }

  get #isStopping(): boolean {
    return this.#delay.waits || this.#running?.supervisor.stopping === true;
  }
}
