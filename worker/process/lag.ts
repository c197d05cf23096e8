/**
 * How late the event loop of this process is: by how much a timer that turns
 * anyway comes too late. `perf_hooks.monitorEventLoopDelay()` says the same on
 * Node alone, and by a timer of its own.
 *
 * @module
 */

/**
 * How often the timer is due, in ms, that the lag is taken of: in `balanced` the
 * one that writes the own row while nothing happens.
 */
export const BEAT_MS = 100;

/** How late timers were, of late. */
export interface Lag {
  /**
   * What 99 of 100 timers of the last minute were late by at most, in ms;
   * undefined before there was one.
   */
  readonly high: number | undefined;
  /** A timer was late by so many ms. */
  add(late: number): void;
}

/** Timers of so many ms are kept. */
const WINDOW_MS = 60_000;

/** After so many the figure is worked out anew: it costs some 10 us. */
const EVERY = 10;

/**
 * Makes the measure.
 *
 * @param period how often a timer is due, in ms
 */
export function measureLag(period: number): Lag {
  const recent = new Float32Array(WINDOW_MS / period);
  let count = 0;
  let workedOut = -Infinity;
  let high: number | undefined;
  return {
    get high() {
      if (count - workedOut >= EVERY) {
        workedOut = count;
        const sorted = recent.slice(0, count).sort();
        high = sorted[Math.ceil(sorted.length * 0.99) - 1];
      }
      return high;
    },
    add(late) {
      // Those that would have been due meanwhile would have been late as well:
      // a request that came then has waited as long as they.
      let left = Math.min(Math.max(0, late), WINDOW_MS);
      do recent[count++ % recent.length] = left; while ((left -= period) > 0);
    },
  };
}
