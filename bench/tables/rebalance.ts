/**
 * The table of what evens out, with the aims beside the numbers.
 *
 * @module
 */

import { count, decimal, table } from "../table.ts";
import type {
  KeptView,
  RebalanceRow,
  RebalanceSample,
} from "../workloads/rebalance.ts";

/** Most : fewest of many connections, at most. */
const AIM = 1.25;

/** True of what the aim is about: with few connections that nobody has none. */
export function isEven(
  { counts }: KeptView,
  { workers: [, workers], clients }: RebalanceRow,
): boolean {
  if (counts.length < workers) return false;
  return clients < 10 * workers ||
    Math.max(...counts) <= AIM * Math.min(...counts);
}

/** The table. */
export function rebalanceTable(
  samples: readonly (readonly [
    RebalanceRow,
    on: RebalanceSample,
    off: RebalanceSample | undefined,
  ])[],
): string {
  return table(
    [
      "row",
      "before",
      "after",
      "without",
      "even after s",
      "aim",
      "moved",
      "failed",
      "cut",
      "aim: none",
    ],
    samples.map(([row, on, off]) => [
      row.id,
      shown(on.before, row.workers[0]),
      shown(on.after, row.workers[1]),
      off === undefined ? "-" : shown(off.after, row.workers[1]),
      decimal(on.even === undefined ? NaN : on.even / 1000, 1),
      `${row.clients < 10 * row.workers[1] ? "nobody idle" : `<= ${AIM}`} in ${
        row.within / 1000
      }: ${on.even === undefined ? "NOT MET" : "met"}`,
      count(on.after.moved - on.before.moved),
      count(on.after.failed),
      count(on.after.cut),
      on.after.failed + on.after.cut === 0 ? "met" : "NOT MET",
    ]),
  );
}

/** Most : fewest of so many workers. */
function shown({ counts }: KeptView, workers: number): string {
  const fewest = counts.length < workers ? 0 : Math.min(...counts);
  return `${Math.max(...counts)} : ${fewest}`;
}
