/**
 * The kernel's clock that is never set: CLOCK_MONOTONIC of clock_gettime(2).
 * `process.hrtime` is not that: those of Deno 2.9.5 and Bun 1.4.4 begin with the
 * process.
 *
 * @module
 */

import { checked, fixed, type Libc } from "./libc.ts";

type Clock = Pick<Libc, "clock_gettime" | "errno">;

const MONOTONIC = 1;

/** So often the clocks are compared, in ms: one of them may stand in a sleep. */
const COMPARE_MS = 1000;

/** Nanoseconds of it. */
export function monotonic(libc: Clock): bigint {
  const time = fixed(16);
  checked(libc, libc.clock_gettime(MONOTONIC, time), "clock_gettime");
  const view = new DataView(time.buffer);
  return view.getBigInt64(0, true) * 1_000_000_000n +
    view.getBigInt64(8, true);
}

/** Tells its milliseconds by the process' own clock, mostly without a call. */
export function monotonicMs(libc: Clock): () => number {
  let comparedAt = -Infinity;
  let ahead = 0;
  return () => {
    const now = performance.now();
    if (now - comparedAt >= COMPARE_MS) {
      comparedAt = now;
      ahead = Number(monotonic(libc)) / 1e6 - now;
    }
    return now + ahead;
  };
}
