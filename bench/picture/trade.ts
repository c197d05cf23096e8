/**
 * The three-way trade between ways of sharing: rate, evenness and tail.
 *
 * @module
 */

import type { Runtime } from "../../tests/runtimes.ts";
import { over, ratio, type Results } from "../results.ts";
import { unevenness } from "../workloads/placement.ts";
import { TAIL_RATES } from "../workloads/tail.ts";

/** The modes, as their rows are named. */
const MODES = [
  "balanced",
  "balanced-queue",
  "shared",
  "sharded",
  "handoff",
  "cluster-rr",
];

/** What one mode gives. */
export interface Trade {
  /** Its row. */
  readonly mode: string;
  /** New connections per second, in relation to `node:cluster` round-robin. */
  readonly rate: number;
  /** Most keep-alive connections to fewest; the worse way for them to come. */
  readonly evenness: number;
  /** The p99 of cheap requests in ms; at the worse rate. */
  readonly p99: number;
}

/** All modes of a runtime. */
export interface RuntimeTrades {
  /** The runtime. */
  readonly runtime: Runtime;
  /** Its modes; only those of which all three were measured. */
  readonly trades: readonly Trade[];
}

/** What a run has for the picture: nothing of runtimes that lack a part. */
export function tradesOf(results: Results): RuntimeTrades[] {
  const runtimes = new Set(
    [...results.rows.values()].map(({ row }) => row.runtime),
  );
  return [...runtimes].flatMap((runtime) => {
    const trades = MODES.flatMap((mode) => tradeOf(results, runtime, mode));
    return trades.length === 0 ? [] : [{ runtime, trades }];
  });
}

function tradeOf(results: Results, runtime: Runtime, mode: string): Trade[] {
  const id = `${runtime}/${mode}`;
  const row = results.rows.get(id);
  const rate = ratio(results, "fresh", id, `${runtime}/cluster-rr`);
  if (row?.placement === undefined || row.tail.size === 0) return [];
  if (rate === undefined) return [];
  const { apart, atOnce } = row.placement;
  return [{
    mode,
    rate,
    evenness: Math.max(unevenness(apart), unevenness(atOnce)),
    p99: Math.max(
      ...TAIL_RATES.map((each) => over(row.tail, (sample) => sample[each].p99)),
    ),
  }];
}
