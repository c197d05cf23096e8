/**
 * What this process says to its service manager of the pools that it runs
 * (sd_notify(3)): when they serve, reload and end, how they are, that they live.
 * Loaded where one listens.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { EventStream } from "../event_stream.ts";
import { type PoolEvent, TALK } from "../events.ts";
import type { Host } from "../host.ts";
import { ServiceManager, type ServiceState } from "./manager.ts";
import { oneLine } from "../adapter/notify_socket.ts";
import { type Phase, ServiceView } from "./view.ts";
import { watchdogPeriod } from "./watchdog.ts";

/** The least time between two lines of status, in ms. */
const STATUS_MS = 200;

/** How often more time is asked for, and for how long that is, in ms. */
export const EXTEND_MS = { every: 10_000, by: 30_000 } as const;

/** What a stop may take beyond its deadlines, in ms. */
const MARGIN_MS = 10_000;

/** What is asked of a pool. */
export interface ServedPool {
  /** What it is called where there are several. */
  readonly name: string | undefined;
  /** How long it may take to end, in ms: a reload may change that. */
  stopTime(): number;
  /** What happens in it. */
  readonly events: Pick<EventStream<PoolEvent>, "listen">;
  /** True while the process before it is the service, which alone is heard. */
  readonly silent: boolean;
  /** Called when all pools of this process serve, for the first time. */
  readonly onServing?: (() => void) | undefined;
}

/** Those of this process: its pools have one manager in common. */
const services = new WeakMap<Host, Service>();

/** The service that this process is. */
export class Service {
  readonly #adapter: Adapter;
  readonly #manager: ServiceManager;
  readonly #pools = new Set<ServicePool>();
  #phase: Phase | undefined;
  #status = "";
  #stopBy = Infinity;
  #pause: Disposable | undefined;
  #changed = false;
  #extending: Disposable | undefined;
  #watchdog: Disposable | undefined;
  readonly #period: number | undefined;

  private constructor(adapter: Adapter) {
    this.#adapter = adapter;
    this.#manager = new ServiceManager(adapter);
    this.#period = watchdogPeriod(adapter.host);
  }

  /** Adds a pool to those that this process runs. */
  static join(adapter: Adapter, pool: ServedPool): ServicePool {
    let service = services.get(adapter.host);
    if (service === undefined) {
      services.set(adapter.host, service = new Service(adapter));
    }
    return service.#add(pool);
  }

  #add(served: ServedPool): ServicePool {
    const pool = new ServicePool(served, {
      look: () => this.#look(),
      change: () => this.#update(),
      fail: (why) => this.#fail(why),
      say: (state, fd) => void this.#manager.tell(state, fd),
      leave: () => this.#leave(pool),
    }, this.#manager);
    this.#pools.add(pool);
    this.#update();
    return pool;
  }

  #leave(pool: ServicePool): void {
    if (!this.#pools.delete(pool)) return;
    if (this.#pools.size > 0) return this.#look();
    services.delete(this.#adapter.host);
    this.#manager[Symbol.dispose]();
    this.#pause?.[Symbol.dispose]();
    this.#extending?.[Symbol.dispose]();
    this.#watchdog?.[Symbol.dispose]();
  }

  /** The pools that this process speaks for. */
  get #spoken(): readonly ServicePool[] {
    return [...this.#pools].filter(({ silent }) => !silent);
  }

  /** Something may have changed, and more may soon. */
  #look(): void {
    this.#changed = true;
    if (this.#pause !== undefined) return;
    this.#changed = false;
    this.#update();
    this.#pause = this.#adapter.clock.after(STATUS_MS, () => {
      this.#pause = undefined;
      if (this.#changed) this.#look();
    });
  }

  /** Says what is new. */
  #update(): string | undefined {
    const pools = this.#spoken;
    if (pools.length === 0) {
      // It was heard, or will be, as one that begins.
      this.#phase = undefined;
      this.#status = "";
      this.#extend(undefined);
      return undefined;
    }
    const phase = phaseOf(pools);
    const isNew = phase !== this.#phase;
    const isFirst = this.#phase === undefined;
    this.#phase = phase;
    const status = pools.length === 1
      ? pools[0]!.text
      : pools.map(({ name, text }) => `${name ?? "pool"}: ${text}`).join("; ");
    const known = this.#status;
    this.#status = status;
    if (isNew) this.#extend(phase);
    if (!isNew && status === known) return undefined;
    const problem = this.#manager.tell({
      ...(isNew && WORDS[phase]),
      ...(status !== known && { STATUS: status }),
      ...(isNew && phase !== "ready" && MORE_TIME),
    });
    if (isFirst && this.#period !== undefined) this.#watch(this.#period);
    if (isNew && phase === "ready") { for (const pool of pools) pool.serves(); }
    return problem;
  }

  /** A pool has not started: this is the last that is said of it. */
  #fail(why: unknown): void {
    if (this.#spoken.length === 0) return;
    const { message = String(why) } = why as { readonly message?: string };
    this.#manager.tell({ STATUS: this.#status = oneLine(message) });
  }

  /** Asks for more time, again and again, as long as there is something to do. */
  #extend(phase: Phase | undefined): void {
    this.#extending?.[Symbol.dispose]();
    this.#extending = undefined;
    if (phase === undefined || phase === "ready") return;
    const { clock } = this.#adapter;
    if (phase === "stopping") {
      const times = this.#spoken.map((pool) => pool.stopTime());
      this.#stopBy = clock.now() + Math.max(...times) + MARGIN_MS;
    } else this.#stopBy = Infinity;
    const again = (): void => {
      this.#extending = clock.after(EXTEND_MS.every, () => {
        // What does not end though it should is to be killed.
        if (clock.now() >= this.#stopBy) return;
        this.#manager.tell(MORE_TIME);
        again();
      });
    };
    again();
  }

  /** Says that the service lives while its event loop turns and no pool is down. */
  #watch(period: number): void {
    this.#watchdog?.[Symbol.dispose]();
    const pools = this.#spoken;
    if (pools.length === 0) return;
    if (pools.every(({ isWell }) => isWell)) {
      this.#manager.tell({ WATCHDOG: 1 });
    }
    const again = (): void => this.#watch(period);
    this.#watchdog = this.#adapter.clock.after(period, again);
  }
}

/** What the service may do with a pool's news. */
interface Hearing {
  look(): void;
  change(): string | undefined;
  fail(why: unknown): void;
  say(state: ServiceState, fd?: number): void;
  leave(): void;
}

/** One pool among those of the service. */
export class ServicePool implements Disposable {
  /** What it is called where there are several. */
  readonly name: string | undefined;
  /** See {@linkcode ServedPool.stopTime}. */
  readonly stopTime: () => number;
  /** True while another process is the service. */
  silent: boolean;
  /** Who hears of it. */
  readonly manager: ServiceManager;
  readonly #view = new ServiceView();
  /** True from a SIGHUP on, until a reload begins. */
  #unanswered = false;
  #onServing: (() => void) | undefined;
  readonly #hearing: Hearing;
  readonly #listening: Disposable;

  /** Begins with one that starts. */
  constructor(
    { name, stopTime, events, silent, onServing }: ServedPool,
    to: Hearing,
    manager: ServiceManager,
  ) {
    this.manager = manager;
    this.name = name;
    this.stopTime = stopTime;
    this.silent = silent;
    this.#onServing = onServing;
    this.#hearing = to;
    this.#listening = events.listen((event) => this.#hear(event));
  }

  /** What it does. */
  get phase(): Phase {
    return this.#view.phase;
  }

  /** How it is, as one line. */
  get text(): string {
    return String(this.#view);
  }

  /** True while it is not to be ended for the sake of its state. */
  get isWell(): boolean {
    return this.#view.isWell;
  }

  /** It has workers. */
  attach(supervisor: NonNullable<ServiceView["supervisor"]>): void {
    this.#view.supervisor = supervisor;
    this.#hearing.look();
  }

  /**
   * It serves, and is the service from now on.
   *
   * @returns why the manager cannot be told
   */
  ready(): string | undefined {
    this.silent = false;
    if (this.#view.phase === "starting") this.#view.phase = "ready";
    return this.#hearing.change();
  }

  /** All pools of this process do. */
  serves(): void {
    const tell = this.#onServing;
    this.#onServing = undefined;
    try {
      tell?.();
    } catch {
      // Whoever has waited does so no more.
    }
  }

  /** Says something for the pool alone, with a file descriptor. */
  say(state: ServiceState, fd?: number): void {
    this.#hearing.say(state, fd);
  }

  /** It has not started, and why. */
  fail(why: unknown): void {
    if (!this.silent && this.phase === "starting") this.#hearing.fail(why);
  }

  /**
   * SIGHUP has come. Where no reload comes of it, whoever waits for the end of
   * one (`Type=notify-reload`) is told that it has come.
   *
   * @param reload settles when it is known what came of it: a file of options
   * may be read first, which takes its time
   */
  asked(reload: Promise<unknown> = Promise.resolve()): void {
    this.#unanswered = true;
    const settled = (): void => {
      const { phase } = this.#view;
      if (!this.#unanswered || this.silent || phase !== "ready") return;
      this.#unanswered = false;
      this.#view.phase = "reloading";
      this.#hearing.change();
      this.#view.phase = "ready";
      this.#hearing.change();
    };
    reload.then(settled, settled);
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
    this.#hearing.leave();
  }

  #hear(event: PoolEvent): void {
    const before = this.#view.phase;
    this.#view.hear(event);
    if (event.type === "reload-started") this.#unanswered = false;
    if (event.type === "upgrade-finished") this.silent = true;
    if (event.type === "taken-back") this.silent = false;
    if (this.#view.phase !== before) this.#hearing.change();
    else if (!TALK.has(event.type)) this.#hearing.look();
  }
}

/** What is said of a new phase. */
const WORDS: Readonly<Record<Phase, ServiceState>> = {
  starting: {},
  ready: { READY: 1 },
  reloading: { RELOADING: 1 },
  stopping: { STOPPING: 1 },
};

const MORE_TIME: ServiceState = { EXTEND_TIMEOUT_USEC: EXTEND_MS.by * 1000 };

/** What all of them do together. */
function phaseOf(pools: readonly ServicePool[]): Phase {
  const phases = pools.map(({ phase }) => phase);
  if (phases.includes("starting")) return "starting";
  if (phases.every((phase) => phase === "stopping")) return "stopping";
  return phases.includes("reloading") ? "reloading" : "ready";
}
