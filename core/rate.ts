/**
 * How often something may happen: so many times at once, and then as often as
 * the allowance grows back (a token bucket).
 *
 * @module
 */

import type { Clock } from "./adapter/clock.ts";

/** Counts what happens against an allowance. */
export class Rate {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at: number;

  /** Makes one with the whole allowance, `burst`. */
  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#at = clock.now();
  }

  /** Takes one from the allowance; false when there is none left. */
  take(): boolean {
    const now = this.#clock.now();
    const grown = (now - this.#at) / 1000 * this.#perSecond;
    this.#left = Math.min(this.#burst, this.#left + grown);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
