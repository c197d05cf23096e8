/**
 * The time between the wish to stop and the stop: the pool goes on as ever, and
 * says that it is stopping, so that who sends it connections stops first.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** Waits once. */
export class DrainDelay {
  #timer: Disposable | undefined;

  /** True while it waits. */
  get waits(): boolean {
    return this.#timer !== undefined;
  }

  /** Waits so many milliseconds, then calls. */
  begin(ms: number, clock: Clock, call: () => void): void {
    this.#timer = clock.after(ms, () => {
      this.end();
      call();
    });
  }

  /** Waits no longer, and does not call. */
  end(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
