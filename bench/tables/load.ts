/**
 * The tables of the load: rates and what a request costs, and what the
 * supervisor needs meanwhile.
 *
 * @module
 */

import {
  overLoad,
  ratio,
  type Results,
  type RowResult,
  spread,
} from "../results.ts";
import { count, decimal, table } from "../table.ts";
import type { LoadSample } from "../workloads/load.ts";

const HEAD = [
  "row",
  "server",
  "conn/s",
  "spread",
  "keep-alive/s",
  "x control conn",
  "x control k-a",
  "x cluster-rr conn",
  "us CPU conn",
  "us CPU k-a",
  "errors",
];

/** Rates. */
export function loadTable(results: Results): string {
  const lines = measured(results).map((result) => {
    const { row } = result;
    const control = `${row.runtime}/${row.control}`;
    const cluster = `${row.runtime}/cluster-rr`;
    const base = row.control === undefined
      ? undefined
      : (kind: "fresh" | "keepAlive") => ratio(results, kind, row.id, control);
    return [
      row.id,
      row.server,
      count(overLoad(result, "fresh", ({ rate }) => rate)),
      row.alone ? "-" : decimal(overLoad(result, "fresh", spread), 2),
      count(overLoad(result, "keepAlive", ({ rate }) => rate)),
      decimal(base?.("fresh"), 2),
      decimal(base?.("keepAlive"), 3),
      decimal(ratio(results, "fresh", row.id, cluster), 2),
      decimal(overLoad(result, "fresh", microseconds), 1),
      decimal(overLoad(result, "keepAlive", microseconds), 1),
      count(
        [...result.load.values()].reduce(
          (sum, { fresh, keepAlive }) => sum + fresh.errors + keepAlive.errors,
          0,
        ),
      ),
    ];
  });
  return lines.length === 0 ? "" : table(HEAD, lines);
}

/** Memory and CPU of the supervisors. */
export function supervisorTable(results: Results): string {
  const lines = measured(results)
    .filter(({ row }) =>
      /\/(?:shared|balanced|balanced-queue|sharded|handoff|cluster-rr)$/.test(
        row.id,
      )
    )
    .map((result) => {
      const rss = [...result.load.values()].map((each) => each.rss);
      const cpu = ({ supervisorCpu }: LoadSample): number => supervisorCpu;
      return [
        result.row.id,
        decimal(rss.reduce((a, b) => a + b, 0) / rss.length, 1),
        count(overLoad(result, "fresh", cpu)),
        count(overLoad(result, "keepAlive", cpu)),
      ];
    });
  if (lines.length === 0) return "";
  return table(
    ["supervisor", "RSS MiB", "CPU ms per M conn", "CPU ms per M keep-alive"],
    lines,
  );
}

function measured(results: Results): RowResult[] {
  return [...results.rows.values()].filter(({ load }) => load.size > 0);
}

/** CPU per request: ms per million are the thousandth of microseconds each. */
function microseconds({ cpu }: LoadSample): number {
  return cpu / 1000;
}
