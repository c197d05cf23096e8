/**
 * Time, the same on every runtime.
 *
 * @module
 */

import type { Clock } from "../../core/adapter/clock.ts";

/** The real clock. */
export const clock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
