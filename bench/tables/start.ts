/**
 * The tables of a start and of a reload, with the aims beside the numbers.
 *
 * @module
 */

import { median } from "../stats.ts";
import { decimal, table } from "../table.ts";
import type { StartRow, StartSample } from "../workloads/start.ts";

/** The most that a row may cost in relation to what it is compared with. */
const AIMS: Readonly<
  Record<string, Partial<Record<keyof StartSample, number>>>
> = {
  "node/prefork-4": { cpu: 1.15, pss: 1.1, time: 1.05 },
  "deno/prefork-1": { cpu: 3 },
  "bun/prefork-1": { cpu: 3 },
};

/** The least that a peer may cost in relation to prefork, to be no better. */
const PEER_AIM = 1;

/** The same of a reload in relation to that of the other build. */
const RELOAD_AIM = 0.6;

/** The default soak of a pool, which is in each reload, in ms. */
const SOAK_MS = 1_000;

/** The table of the starts. */
export function startTable(
  rows: readonly StartRow[],
  samples: ReadonlyMap<string, readonly StartSample[]>,
): string {
  const cell = (row: StartRow, of: keyof StartSample): string => {
    const own = samples.get(row.id)!;
    if (own.length === 0) return "failed";
    const value = decimal(median(own.map((each) => each[of])), 0);
    if (row.base === row.id) return value;
    const base = samples.get(row.base)!;
    const ratio = median(own.map((each, i) => each[of] / base[i]![of]));
    const verdict = row.peer
      ? `; aim at least ${PEER_AIM}: ${judged(ratio >= PEER_AIM)}`
      : aimed(ratio, AIMS[row.id]?.[of]);
    return `${value} (${decimal(ratio, 2)} x${verdict})`;
  };
  return table(
    ["row", "CPU ms", "PSS MiB", "ms until all are ready"],
    rows.map((row) => [
      row.id,
      cell(row, "cpu"),
      cell(row, "pss"),
      cell(row, "time"),
    ]),
  );
}

/** Times of the reloads of a program: this build's and the other one's. */
export interface ReloadTimes {
  readonly own: readonly number[];
  readonly other: readonly number[];
}

/** The table of the reloads. */
export function reloadTable(times: ReadonlyMap<string, ReloadTimes>): string {
  return table(
    ["program", "this build, ms", "the other, ms", "ratio", "without the soak"],
    [...times].map(([program, { own, other }]) => {
      const ratio = median(own.map((each, i) => each / other[i]!));
      const rest = own.map((each, i) =>
        (each - SOAK_MS) / (other[i]! - SOAK_MS)
      );
      return [
        program,
        decimal(median(own), 0),
        decimal(median(other), 0),
        `${decimal(ratio, 2)} x${aimed(ratio, RELOAD_AIM)}`,
        `${decimal(median(rest), 2)} x`,
      ];
    }),
  );
}

function aimed(ratio: number, aim: number | undefined): string {
  if (aim === undefined) return "";
  return `; aim ${aim}: ${judged(ratio <= aim)}`;
}

function judged(met: boolean): string {
  return met ? "met" : "NOT MET";
}
