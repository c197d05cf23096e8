/**
 * A pool among those before and after it: what it has from a predecessor, and
 * what it leaves to a successor.
 *
 * @module
 */

import type { Adapter, Signal } from "../adapter.ts";
import type { PidFile } from "../adapter/successor.ts";
import { messageOf, stateError } from "../errors.ts";
import { type Acknowledge, acknowledgement } from "../inherited/einhorn.ts";
import { type PoolSeat, ProcessPools } from "../inherited/pools.ts";
import { Gate } from "../listeners/gate.ts";
import type { EventStream } from "../event_stream.ts";
import type { PoolEvent } from "../events.ts";
import type { PoolConfig } from "../options/options.ts";
import type { SignalWitness } from "../signals.ts";
import { ServiceManager } from "../service/manager.ts";
import type { ServicePool } from "../service/service.ts";
import type { Keeping } from "../service/keeping.ts";
import type { Heritage } from "../listeners/heritage.ts";
import {
  abandonListeners,
  closeListeners,
  type Listener,
} from "../listeners/listeners.ts";
import { type SucceedingPool, Succession } from "./predecessor.ts";
import { Kept, type KeptPool } from "./kept.ts";
import {
  type SuccessorOptions,
  type UpgradeReport,
  Upgrades,
} from "./upgrades.ts";
import { ownFile } from "../watch/own.ts";

/** A pool that has come from one, and may go to another. */
export interface LineagePool
  extends SucceedingPool, Omit<KeptPool, "gate" | "init" | "pidFile"> {
  /** How many workers it began with. */
  readonly workers: number;
  /** Where it answers by itself. */
  readonly monitor: KeptPool["monitor"] & {
    /** Its sockets. */
    readonly listeners: readonly Listener[];
    /** Leaves them to another process. */
    leave(): void;
  };
}

/** The place of a pool among its predecessor and its successor. */
export class Lineage implements SignalWitness {
  #succession: Succession | undefined;
  #upgrades: Upgrades | undefined;
  #pidFile: PidFile | undefined;
  #manager: ServiceManager | undefined;
  #service: ServicePool | undefined;
  /** There where the service manager keeps the sockets. */
  #keeping: Keeping | undefined;
  #gate: Gate | undefined;
  /** Its place among the pools of this process. */
  #seat: PoolSeat | undefined;
  #acknowledge: Acknowledge | undefined;
  #pool: LineagePool | undefined;
  /** There while this pool stays beside its successor. */
  #kept: Kept | undefined;
  /** True while others have the sockets too, and go on. */
  #left = false;
  /** True once what is accepted here is left to those. */
  #parted = false;
  readonly #events: Pick<EventStream<PoolEvent>, "listen">;

  /** @param events what happens in the pool */
  constructor(events: Pick<EventStream<PoolEvent>, "listen">) {
    this.#events = events;
  }

  /** What a predecessor has left. */
  get heritage(): Heritage | undefined {
    return this.#succession?.heritage ?? this.#keeping?.heritage;
  }

  /** True while another process has the sockets too, and may go on with them. */
  get shares(): boolean {
    return this.#left || this.#keeping?.keeps === true ||
      this.heritage?.isAlone === false;
  }

  /** True while a successor is being started. */
  get active(): boolean {
    return this.#upgrades?.active ?? false;
  }

  /**
   * Looks for a predecessor; resolves with the runtime as it is to be used.
   *
   * @throws {TypeError} when it is of another version
   * @throws {PreforkError} `ERR_BIND` when a socket of it is not there,
   * `ERR_PID_FILE` when the pid file is another pool's
   */
  async begin(
    adapter: Adapter,
    config: PoolConfig,
  ): Promise<Adapter> {
    this.#seat = ProcessPools.of(adapter.host).join(config);
    this.#acknowledge = acknowledgement(adapter);
    const { pidFile, name } = config;
    if (pidFile !== undefined) ownFile(adapter.host.resolve(pidFile));
    this.#pidFile = pidFile === undefined
      ? undefined
      : adapter.pidFile(adapter.host.resolve(pidFile));
    const gate = this.#gate = new Gate(adapter);
    this.#succession = await Succession.begin(adapter, this.#pidFile, gate);
    this.#manager = new ServiceManager(adapter);
    // That of a successor was for the first one.
    const onServing = this.#succession === undefined
      ? lineWriter(adapter, config.notificationFd)
      : undefined;
    if (this.#manager.socket !== undefined || onServing !== undefined) {
      const { Service } = await import("../service/service.ts");
      this.#service = Service.join(adapter, {
        name,
        stopTime: () => {
          const { drainDelay, grace } = this.#pool?.config ?? config;
          return drainDelay + grace;
        },
        events: this.#events,
        silent: this.#succession !== undefined,
        onServing,
      });
      this.#manager = this.#service.manager;
    }
    if (config.fdStore ?? Number(adapter.host.env["FDSTORE"]) > 0) {
      const { Keeping } = await import("../service/keeping.ts");
      this.#keeping = await Keeping.begin(adapter, config, {
        service: this.#service,
        heritage: this.#succession?.heritage,
        events: this.#events,
      });
    }
    // A successor is named, and accepts, once it serves.
    if (this.#succession === undefined) {
      gate.open();
      this.#pidFile?.claim();
    }
    return gate.adapter;
  }

  /** The pool runs: it may have a successor. */
  attach(pool: LineagePool): void {
    this.#pool = pool;
    const manager = this.#manager!;
    this.#service?.attach(pool.supervisor);
    const kept = {
      ...pool,
      pidFile: this.#pidFile,
      gate: this.#gate!,
      init: pool.adapter.host.pid === 1,
    };
    const { emit } = pool;
    if (this.#succession !== undefined) {
      this.#succession.onLeave = (pid) => {
        const { pid: before } = this.heritage!.handover;
        if (pid !== before) emit({ type: "upgrade-finished", pid, ms: 0 });
        void pool.stop();
      };
    }
    this.#upgrades = new Upgrades({
      ...kept,
      manager,
      keptBefore: () => this.#succession?.kept,
      rest: () => Kept.begin(kept),
      handOver: (successor, former, stays) => {
        this.#left = true;
        former?.tell({ type: "leave", pid: successor.pid });
        successor.tell({ type: "yours", ...(stays && { kept: true }) });
        if (stays) this.#kept = new Kept(kept, successor);
        else {
          this.#part();
          void pool.stop();
        }
      },
      takeBack: () => {
        const before = this.#kept;
        this.#kept = undefined;
        this.#left = false;
        before?.return();
      },
    });
  }

  /** Leaves what is accepted here to those who have the sockets too. */
  #part(): void {
    this.#left = true;
    this.#parted = true;
    const { supervisor, listeners, monitor } = this.#pool!;
    supervisor.processes.onDemand.abandon();
    monitor.leave();
    // Before the workers drain: who connects from now on is another one's.
    abandonListeners(listeners.filter(({ mode }) => mode === "handoff"));
  }

  /**
   * Takes over from a predecessor, if there is one, and says that the pool
   * serves. False when it has been stopped before.
   */
  async complete(pool: SucceedingPool): Promise<boolean> {
    const isOwn = await this.#succession?.complete(pool) ?? true;
    const unheard = isOwn ? this.#service?.ready() : undefined;
    if (isOwn) this.#keeping?.keep(this.#pool!);
    if (unheard !== undefined) {
      const message =
        `the service manager (NOTIFY_SOCKET) cannot be told that the pool serves, because ${unheard}: set Type=exec in the unit`;
      pool.emit({ type: "warning", message });
    }
    if (isOwn && this.#seat?.serves() === true) {
      void this.#acknowledge!().then((message) => {
        if (message !== undefined) pool.emit({ type: "warning", message });
      });
    }
    return isOwn;
  }

  /** The pool did not start. */
  async fail(error: unknown): Promise<void> {
    this.#pidFile?.remove();
    this.#seat?.[Symbol.dispose]();
    this.#service?.fail(error);
    this.#keeping?.[Symbol.dispose]();
    this.#service?.[Symbol.dispose]();
    await this.#succession?.fail(error);
  }

  /**
   * A worker did not come up. True where the pool is to give up for that, since
   * a predecessor goes on.
   */
  givesUp(): boolean {
    return this.#succession?.isOwned === false;
  }

  /** See {@linkcode Upgrades.request}. */
  async upgrade(options: SuccessorOptions): Promise<UpgradeReport> {
    if (this.#upgrades !== undefined) {
      return await this.#upgrades.request(options);
    }
    throw stateError("upgrade", "it has not been started");
  }

  /** Another number of workers is wanted. */
  scaled(workers: number): void {
    this.#kept?.scaled(workers).catch(() => {});
  }

  /** Passes a signal on to whoever serves in the place of process 1. */
  forward(signal: Signal): boolean {
    return signal !== "SIGUSR2" && (this.#kept?.forward(signal) ?? false);
  }

  /** See {@linkcode SignalWitness.obeyed}. */
  obeyed(signal: Signal, reload: Promise<unknown> | undefined): void {
    if (signal === "SIGHUP") this.#service?.asked(reload);
  }

  /**
   * The pool stops: nobody is to succeed it. True where it has to wait for one
   * that does, and is stopped again after that.
   */
  stop(quick: boolean): boolean {
    this.#upgrades?.stop();
    if (this.#kept?.stop(quick) === true) return true;
    this.#depart();
    return false;
  }

  /** Others have the sockets, too, and go on. */
  #depart(): void {
    if (this.#parted) return;
    const back = this.#left ? undefined : this.#succession?.stop();
    const init = this.heritage?.handover.init ?? false;
    if (back !== undefined && !init) {
      this.#manager?.tell({ MAINPID: back });
      // Who is not the service any more is not to say that it stops.
      if (this.#service !== undefined) this.#service.silent = true;
    }
    if (back !== undefined || this.#kept !== undefined) this.#part();
  }

  /** The pool has ended: closes its listeners, or leaves them. */
  close(listeners: readonly Listener[]): void {
    // They go on where another process has them, or the service manager.
    const left = this.#left || this.#keeping?.keeps === true;
    this.#seat?.[Symbol.dispose]();
    this.#keeping?.[Symbol.dispose]();
    this.#service?.[Symbol.dispose]();
    this.#succession?.close();
    (left ? abandonListeners : closeListeners)(listeners);
    if (left) this.#pool?.monitor.leave();
    this.#upgrades?.close();
    this.#pidFile?.remove();
  }
}

/**
 * What writes the line that a parent waits for, if one does.
 *
 * @throws {TypeError} where that cannot be done
 */
function lineWriter(
  { notifier }: Pick<Adapter, "notifier">,
  fd: number | undefined,
): (() => void) | undefined {
  if (fd === undefined) return undefined;
  try {
    return notifier(fd);
  } catch (error) {
    throw new TypeError(
      `Cannot use "${fd}" for "notificationFd", because ${
        messageOf(error)
      }: give the number that the parent of this process has passed on (s6: the file notification-fd), or leave it out`,
    );
  }
}
