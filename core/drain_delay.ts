/**
 * The time between the wish to stop and the drain. First the pool goes on as
 * ever, and says that it is stopping, so that who sends it connections stops
 * first; then nobody new is let in, and workers accept whoever has come.
 *
 * @module
 */

import type { PoolEvent } from "./events.ts";
import { Closing, type ClosingContext } from "./listeners/closing.ts";
import type { Supervisor } from "./supervise/supervisor.ts";

/** A pool that has served. */
export interface DelayedPool extends ClosingContext {
  /** Its workers. */
  readonly supervisor: Pick<Supervisor, "processes">;
  /** Tells the user. */
  emit(event: PoolEvent): void;
}

/** What is asked of {@linkcode DrainDelay.holds}. */
export interface DelayRequest {
  /** False to wait no longer for those who send connections. */
  readonly delay: boolean;
  /** True where others have the sockets too, and go on. */
  readonly shared: boolean;
  /** Asks again, without a delay. */
  again(): void;
}

/** Waits once. */
export class DrainDelay {
  #timer: Disposable | undefined;
  #closing: Closing | undefined;

  /** True while it waits. */
  get waits(): boolean {
    return this.#timer !== undefined || this.#closing?.waits === true;
  }

  /** True once the pool drains next, and has said so. */
  get told(): boolean {
    return this.#closing !== undefined;
  }

  /** True where the drain has to wait, and is asked for again after that. */
  holds(pool: DelayedPool, { delay, shared, again }: DelayRequest): boolean {
    const { config: { drainDelay }, adapter: { clock }, emit } = pool;
    const { processes } = pool.supervisor;
    if (delay && this.waits) return true;
    if (delay && drainDelay > 0) {
      emit({ type: "stopping", quick: false, delay: drainDelay });
      this.#timer = clock.after(drainDelay, () => {
        this.end();
        again();
      });
      return true;
    }
    this.end();
    if (shared) return false;
    if (this.#closing === undefined) {
      emit({ type: "stopping", quick: false });
      this.#closing = new Closing(pool, processes.onDemand.listeners);
      if (this.#closing.wait(again)) return true;
    }
    processes.spent = this.#closing.spent;
    return false;
  }

  /** Waits no longer, and does not call. */
  end(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#closing?.end();
  }

  /** Workers were asked to drain: closes the listeners that end with the pool. */
  close({ slots, standbys }: Pick<Supervisor, "slots" | "standbys">): void {
    const all = [...slots.values(), ...standbys.slots];
    this.#closing?.close(all.flatMap(({ workers }) => workers));
  }
}
