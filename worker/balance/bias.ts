/**
 * Where the kernel picks by the connections that workers hold: for how many more
 * than it holds a worker counts, since it is busier than the others or has had
 * its share of a light one.
 *
 * @module
 */

import {
  leanOf,
  meanOf,
  type Score,
  shareOf,
} from "../../core/balance/policy.ts";
import { BEAT_MS } from "../process/lag.ts";

/** The bias of a worker. */
export interface Bias {
  /** So many connections more have come. */
  came(count: number): void;
  /** The worker begins to serve, beside these others. */
  begin(own: Score, others: readonly Score[]): void;
  /** A beat has passed. */
  beat(own: Score, others: readonly Score[]): void;
}

/**
 * Busyness counts for what workers have held for so many beats, a second: in a
 * burst who was given the CPU first looks busy, and holds what it will keep.
 */
const STEADY_BEATS = 1000 / BEAT_MS;

/**
 * Makes the bias of a worker.
 *
 * @param tell what is to be called when it may be another one
 */
export function createBias(tell: (bias: number) => void): Bias {
  /** By how much busyness makes it lean. */
  let lean = 0;
  /** How many more connections it may have by its weight. */
  let share = Infinity;
  /** What workers have held at the last beats, on average; nothing before. */
  let means: readonly number[] = Array<number>(STEADY_BEATS).fill(0);
  /** A light one has a share and no load: beyond it each counts for one more. */
  const weigh = (): void =>
    tell(share === Infinity ? lean : Math.max(0, 1 - share));
  return {
    came(count) {
      if (share === Infinity) return;
      share -= count;
      weigh();
    },
    begin(own, others) {
      share = shareOf(own, others);
      weigh();
    },
    beat(own, others) {
      means = [meanOf([own, ...others]), ...means].slice(0, STEADY_BEATS);
      lean = leanOf(own, others, Math.min(...means));
      share = shareOf(own, others);
      weigh();
    },
  };
}
