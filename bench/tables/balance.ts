/**
 * The tables about who gets which connection: where connections end up, how
 * long requests wait for it, and what `balanced` does while connections churn.
 *
 * @module
 */

import { over, type Results } from "../results.ts";
import { count, decimal, table } from "../table.ts";
import type { Counts } from "../workloads/placement.ts";
import { TAIL_RATES } from "../workloads/tail.ts";

const HEAD = [
  "row",
  "server",
  "5 ms apart",
  "at once",
  ...TAIL_RATES.flatMap((rate) => [`p50 ${rate}/s`, `p99 ${rate}/s`]),
  "p50 unequal",
  "p99 unequal",
  "errors",
];

/** Placement and latencies. */
export function balanceTable({ rows }: Results): string {
  const lines = [...rows.values()]
    .filter(({ placement, tail, unequal }) =>
      placement !== undefined || tail.size + unequal.size > 0
    )
    .map(({ row, placement, tail, unequal }) => [
      row.id,
      row.server,
      most(placement?.apart),
      most(placement?.atOnce),
      ...TAIL_RATES.flatMap((rate) => [
        decimal(over(tail, (sample) => sample[rate].p50), 1),
        decimal(over(tail, (sample) => sample[rate].p99), 1),
      ]),
      decimal(over(unequal, ({ p50 }) => p50), 1),
      decimal(over(unequal, ({ p99 }) => p99), 1),
      count(
        [
          ...[...tail.values()].flatMap((each) =>
            TAIL_RATES.map((rate) => each[rate].errors)
          ),
          ...[...unequal.values()].map(({ errors }) => errors),
        ].reduce((a, b) => a + b, 0),
      ),
    ]);
  return lines.length === 0 ? "" : table(HEAD, lines);
}

/** Connections that come and go. */
export function churnTable({ rows }: Results): string {
  const lines = [...rows.values()].flatMap(({ row, churn }) =>
    churn === undefined ? [] : [[
      row.id,
      count(churn.rate),
      percent(churn.supervisor),
      percent(churn.passedOn),
      percent(churn.passedOnFlat),
      count(churn.errors),
    ]]
  );
  if (lines.length === 0) return "";
  return table(
    [
      "row",
      "conn/s",
      "supervisor's CPU",
      "passed on",
      "passed on, flat out",
      "errors",
    ],
    lines,
  );
}

function most(counts: Counts | undefined): string {
  return counts === undefined ? "-" : `${counts[0]} : ${counts.at(-1)}`;
}

function percent(part: number): string {
  return `${decimal(100 * part, 2)} %`;
}
