/**
 * How many connections of a worker end per second.
 *
 * @module
 */

/** What is known of them. */
export interface EndRate {
  /** How many end per second, lately. */
  readonly perSecond: number;
  /** So many have ended until now, by a clock in ms. */
  measure(now: number, over: number): void;
}

/** In less time than this nothing is learned, in ms. */
const SHORTEST_MS = 10;

/** Begins to measure. */
export function measureEnds(start: number, latelyMs: number): EndRate {
  let perSecond = 0;
  let overBefore = 0;
  let at = start;
  return {
    get perSecond() {
      return perSecond;
    },
    measure(now, over) {
      const passed = now - at;
      if (passed < SHORTEST_MS) return;
      const rate = (over - overBefore) * 1000 / passed;
      const part = Math.min(1, passed / latelyMs);
      perSecond += (Math.max(0, rate) - perSecond) * part;
      overBefore = over;
      at = now;
    },
  };
}
