/**
 * Restart intensity as OTP's supervisors have it: more than so many restarts
 * within a period mean that restarting does not help.
 *
 * @module
 */

/** The restarts of a pool within the period. */
export class Intensity {
  readonly #period: number;
  /** When they were, oldest first. */
  #times: number[] = [];

  /** Counts from 0. */
  constructor(period: number) {
    this.#period = period;
  }

  /** One more. */
  count(now: number): void {
    this.#times.push(now);
    // What has left the period is dropped once it is most of what is kept.
    if (this.#times.length > 64 && this.#first(now) > this.#times.length / 2) {
      this.#times = this.#times.slice(this.#first(now));
    }
  }

  /** How many there were within the period. */
  within(now: number): number {
    return this.#times.length - this.#first(now);
  }

  /** Knows of none any more. */
  clear(): void {
    this.#times = [];
  }

  /** The first that is within the period, by halving. */
  #first(now: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle]! <= now - this.#period) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
