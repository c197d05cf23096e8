/**
 * What a supervisor does that stays after an upgrade: it has no workers and does
 * not accept, so that the successor has all, and keeps the sockets, so that
 * nothing is lost when it is gone back to.
 *
 * @module
 */

import type { Signal } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import type { Gate } from "../listeners/gate.ts";
import type { PidFile } from "../adapter/successor.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import type { Successor } from "./successor.ts";

/** The pool of a supervisor that can stay. */
export interface KeptPool extends
  Pick<
    PoolContext,
    "adapter" | "config" | "emit" | "listeners" | "traffic"
  > {
  /** Its workers. */
  readonly supervisor: Supervisor;
  /** Whether it accepts itself. */
  readonly gate: Gate;
  /** True where this is process 1: it cannot leave. */
  readonly init: boolean;
  /** Where it answers by itself. */
  readonly monitor: {
    /** It is the successor's turn. */
    rest(): void;
    /** It is this pool's turn again. */
    serve(): void;
  };
  /** Its pid file, if it has one. */
  readonly pidFile: PidFile | undefined;
  /** Resolves when every worker is ready. */
  ready(): Promise<void>;
  /** Drains, and ends. */
  stop(): unknown;
}

/** A supervisor beside its successor. */
export class Kept {
  readonly #pool: KeptPool;
  readonly #successor: Successor;
  #timer: Disposable | undefined;
  /** True once both are to end. */
  #stopping = false;

  /**
   * Stays for the time of `keepOld`, or until it has workers again; as process 1
   * to the end.
   */
  constructor(pool: KeptPool, successor: Successor) {
    this.#pool = pool;
    this.#successor = successor;
    const { adapter: { clock }, config: { keepOld }, init, supervisor } = pool;
    if (!init) this.#timer = clock.after(keepOld, () => void pool.stop());
    const { pid } = successor;
    pool.emit({ type: "kept", pid, ...(!init && { ms: keepOld }) });
    // What was accepted here waits for nobody else.
    pool.traffic.flush();
    pool.monitor.rest();
    supervisor.scale(0);
  }

  /** Passes a signal on, as process 1. False where that is not done. */
  forward(signal: Signal): boolean {
    if (this.#pool.init) this.#successor.kill(signal);
    return this.#pool.init;
  }

  /**
   * Has the successor end before this one, as process 1. False where this one
   * may end now.
   */
  stop(quick: boolean): boolean {
    if (!this.#pool.init) return false;
    this.#stopping = true;
    const { pid } = this.#pool.adapter.host;
    if (quick) this.#successor.kill("SIGKILL");
    else this.#successor.tell({ type: "leave", pid });
    return true;
  }

  /**
   * True where it could stop to accept: it can stay. What cannot is on the way
   * out in any case, or goes on as process 1.
   */
  static begin({ gate, init, supervisor, adapter, emit }: KeptPool): boolean {
    if (gate.close()) {
      supervisor.processes.onDemand.keep(true);
      return true;
    }
    if (init) gate.open();
    const message =
      `this supervisor does not stay to go back to: ${adapter.runtime} cannot stop accepting without libc, which handoff, "health" and "metrics" need for that (on Node 26.9 or later)`;
    emit({ type: "warning", message });
    return false;
  }

  /** Another number of workers is wanted: some again, or none once more. */
  async scaled(workers: number): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const { supervisor } = this.#pool;
    if (workers === 0) {
      this.#successor.tell({ type: "resting" });
      this.#pool.gate.close();
      return supervisor.processes.onDemand.keep(true);
    }
    await this.#pool.ready();
    if (supervisor.wanted === 0 || supervisor.stopping) return;
    this.#serve();
    this.#successor.tell({ type: "serving" });
  }

  /** The successor has ended: whatever it had is this supervisor's again. */
  return(): void {
    this.#timer?.[Symbol.dispose]();
    const { supervisor, pidFile, emit } = this.#pool;
    if (!this.#pool.init) pidFile?.takeBack();
    if (supervisor.stopping) return;
    emit({ type: "taken-back", from: this.#successor.pid });
    if (supervisor.wanted > 0) this.#serve();
    else if (this.#stopping || this.#successor.stopping) void this.#pool.stop();
    else {
      this.#serve();
      supervisor.scale(supervisor.usual);
    }
  }

  #serve(): void {
    const { gate, monitor, supervisor, listeners } = this.#pool;
    monitor.serve();
    // The successor may have had them listen, and they are never closed.
    for (const { mode, sockets } of listeners) {
      if (mode !== "sharded") continue;
      for (const shard of sockets.keys()) supervisor.adoption.use(shard);
    }
    supervisor.processes.onDemand.keep(false);
    gate.open();
    supervisor.post(() => {});
  }
}
