/**
 * How many connections a worker that holds more than its share may end, so that
 * their clients come back to others. `docs/BALANCE.md` has the reasons.
 *
 * @module
 */

import { loadsOf, type Score } from "./policy.ts";

/**
 * A worker may hold so much more than its share before it ends any: what comes
 * and goes, and the noise of how busy it is, are no reason.
 */
const TOLERANCE = 0.05;

/** The part of all connections that may be between two workers at once. */
const BUDGET = 0.1;

/** What {@linkcode endsOf} goes by. */
export interface PoolScores {
  /** All workers that accept, in an order that is the same for each of them. */
  readonly scores: readonly Score[];
  /** Which of them asks. */
  readonly own: number;
  /**
   * How many connections the pool has when nobody is on the way: those that were
   * ended and have not come back yet are missing at all workers.
   */
  readonly population: number;
}

/**
 * How many connections a worker may end now. All workers work out the same, so
 * that together they end no more than the others have room for, nor more at once
 * than the budget; the most loaded goes first.
 */
export function endsOf({ scores, own, population }: PoolScores): number {
  const loads = loadsOf(scores);
  const held = sum(scores.map(({ open }) => open));
  const missing = Math.max(0, population - held);
  const part = (held + missing) / sum(scores.map(({ weight }) => weight));
  // What whoever has least in relation to its weight would come to by one more.
  const least = Math.min(
    ...scores.map(({ weight }, i) => (loads[i]! + 1) / weight),
  );
  const over = scores.map(({ open, weight }, i) => {
    const share = weight * part;
    const most = Math.max(Math.floor(share * (1 + TOLERANCE)), weight * least);
    // A connection that keeps its worker busy does so with the next one, too.
    const left = Math.max(1, Math.ceil(share / 2));
    return Math.max(0, Math.min(Math.floor(loads[i]! - most), open - left));
  });
  if (over[own] === 0) return 0;
  const room = Math.floor(
    sum(scores.map(({ weight }, i) => Math.max(0, weight * part - loads[i]!))),
  );
  const atOnce = Math.max(1, Math.floor(population * BUDGET));
  const budget = Math.min(room, atOnce) - missing;
  const wanted = sum(over);
  if (budget <= 0) return 0;
  if (wanted <= budget) return over[own]!;
  const parts = over.map((each) => Math.floor(each * budget / wanted));
  const first =
    over.filter((each, i) =>
      each > over[own]! || (each === over[own] && i < own)
    ).length;
  return parts[own]! + (first < budget - sum(parts) ? 1 : 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
