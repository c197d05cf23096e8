/**
 * The table of deaths, with the aim beside the numbers.
 *
 * @module
 */

import { median, percentile } from "../stats.ts";
import { decimal, table } from "../table.ts";
import type { DeathSample, StandbyRow } from "../workloads/standby.ts";

/** From the kill of a worker until its standby accepts, p99 in ms. */
const AIM_MS = 10;

/** What was measured of a row. */
export interface Deaths {
  /** With a standby. */
  readonly warm: readonly DeathSample[];
  /** Without. */
  readonly cold: readonly DeathSample[];
}

/** The table. */
export function standbyTable(
  rows: readonly StandbyRow[],
  deaths: ReadonlyMap<string, Deaths>,
): string {
  const both = (values: readonly number[]): string =>
    `${decimal(median(values), 1)} / ${decimal(percentile(values, 0.99), 1)}`;
  return table(
    [
      "row",
      "kills",
      "accepts",
      "aim: p99 < 10",
      "of it until it can be seen",
      "after that",
      "answers",
      "cold: accepts",
      "cold : standby",
    ],
    rows.map(({ id }) => {
      const { warm, cold } = deaths.get(id)!;
      const accepted = warm.map((each) => each.accepted);
      const without = cold.map((each) => each.accepted);
      const met = percentile(accepted, 0.99) < AIM_MS;
      return [
        id,
        `${warm.length} / ${cold.length}`,
        both(accepted),
        met ? "met" : "NOT MET",
        both(warm.map((each) => each.seen)),
        both(warm.map((each) => Math.max(0, each.accepted - each.seen))),
        both(warm.map((each) => each.answered)),
        both(without),
        `${decimal(median(without) / median(accepted), 1)} x`,
      ];
    }),
  );
}
