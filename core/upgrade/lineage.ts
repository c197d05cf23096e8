/**
 * A pool among those before and after it: what it has from a predecessor, and
 * what it leaves to a successor.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { PidFile } from "../successor.ts";
import { stateError } from "../errors.ts";
import { ServiceManager } from "../notify.ts";
import type { Heritage } from "../listeners/heritage.ts";
import {
  abandonListeners,
  closeListeners,
  type Listener,
} from "../listeners/listeners.ts";
import { type SucceedingPool, Succession } from "./predecessor.ts";
import {
  type UpgradablePool,
  type UpgradeReport,
  Upgrades,
} from "./upgrades.ts";

/** A pool that has come from one, and may go to another. */
export interface LineagePool
  extends
    SucceedingPool,
    Omit<UpgradablePool, "leave" | "pidFile" | "manager"> {
  /** Drains, and ends. */
  stop(): unknown;
}

/** The place of a pool among its predecessor and its successor. */
export class Lineage {
  #succession: Succession | undefined;
  #upgrades: Upgrades | undefined;
  #pidFile: PidFile | undefined;
  #manager: ServiceManager | undefined;
  /** True once a successor has the sockets. */
  #left = false;

  /** What a predecessor has left. */
  get heritage(): Heritage | undefined {
    return this.#succession?.heritage;
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
    pidFile: string | undefined,
  ): Promise<Adapter> {
    this.#pidFile = pidFile === undefined
      ? undefined
      : adapter.pidFile(adapter.host.resolve(pidFile));
    this.#succession = await Succession.begin(adapter, this.#pidFile);
    // A successor is named once it serves.
    if (this.#succession === undefined) this.#pidFile?.claim();
    return this.heritage?.adapter ?? adapter;
  }

  /** The pool runs: it may have a successor. */
  attach(pool: LineagePool): void {
    const leave = (): void => {
      this.#left = true;
      pool.supervisor.processes.onDemand.abandon();
      // Before the workers drain: who connects from now on is the successor's.
      const own = pool.listeners.filter(({ mode }) => mode === "handoff");
      abandonListeners(own);
      void pool.stop();
    };
    const manager = this.#manager = new ServiceManager(pool.adapter);
    const pidFile = this.#pidFile;
    this.#upgrades = new Upgrades({ ...pool, leave, pidFile, manager });
  }

  /**
   * Takes over from a predecessor, if there is one, and says that the pool
   * serves. False when it has been stopped before.
   */
  async complete(pool: SucceedingPool): Promise<boolean> {
    const isOwn = await this.#succession?.complete(pool) ?? true;
    const unheard = isOwn ? this.#manager?.tell({ READY: 1 }) : undefined;
    if (unheard !== undefined) {
      const message =
        `the service manager (NOTIFY_SOCKET) cannot be told that the pool serves, because ${unheard}: set Type=exec in the unit`;
      pool.emit({ type: "warning", message });
    }
    return isOwn;
  }

  /** The pool did not start. */
  async fail(error: unknown): Promise<void> {
    this.#pidFile?.remove();
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
  async upgrade(
    command: readonly string[] | undefined,
  ): Promise<UpgradeReport> {
    if (this.#upgrades !== undefined) {
      return await this.#upgrades.request(command);
    }
    throw stateError("upgrade", "it has not been started");
  }

  /** The pool stops: nobody is to succeed it. */
  stop(): void {
    this.#upgrades?.stop();
  }

  /** The pool has ended: closes its listeners, or leaves them. */
  close(listeners: readonly Listener[]): void {
    this.#succession?.close();
    (this.#left ? abandonListeners : closeListeners)(listeners);
    this.#upgrades?.close();
    this.#pidFile?.remove();
  }
}
