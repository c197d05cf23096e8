/**
 * The tables.
 *
 * @module
 */

import { machine } from "./machine.ts";
import type { Options } from "./options.ts";
import {
  over,
  ratio,
  type Results,
  type RowResult,
  spread,
} from "./results.ts";
import { count, decimal, table } from "./table.ts";
import { verdicts } from "./targets.ts";
import type { LoadSample } from "./workloads/load.ts";
import { growth } from "./workloads/replacements.ts";

/** All tables as Markdown. */
export function report(results: Results, options: Options): string {
  const { rounds, seconds, tailSeconds } = options;
  const found = verdicts(results);
  const parts = [
    `# Results\n\n${machine()}`,
    `${rounds} rounds of ${seconds} s per row and load, rows one after the other in each round; medians. A ratio is the median of the ratios within one round. The tail: ${tailSeconds} s. How to read it: README.md.`,
    "## Targets",
    found.length === 0 ? "Nothing was measured that has a target." : table(
      ["target", "measured", "verdict"],
      found.map(({ target, measured, met }) => [
        target,
        measured,
        met ? "met" : "NOT MET",
      ]),
    ),
    "## Rows",
    "Requests/s, four workers on one CPU; `spread` is the busiest worker's requests to the laziest's; `placement` is 200 keep-alive connections over 8 workers, most : fewest; `p50` and `p99` are ms of cheap requests while 6 % burn 60 ms of CPU; `us CPU` is what supervisor and workers together spend on a request, in microseconds.",
    rows(results),
    "## Supervisor",
    "Memory after the start with four workers; CPU per million requests, each on a new connection.",
    supervisors(results),
    replacements(results),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

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
  "placement",
  "p50",
  "p99",
  "errors",
];

function rows(results: Results): string {
  const lines = [...results.rows.values()].map((result) => {
    const { row, load, placement, tail } = result;
    const control = `${row.runtime}/${row.control}`;
    const cluster = `${row.runtime}/cluster-rr`;
    const base = row.control === undefined
      ? undefined
      : (kind: "fresh" | "keepAlive") => ratio(results, kind, row.id, control);
    return [
      row.id,
      row.server,
      count(over(result, "fresh", ({ rate }) => rate)),
      row.alone ? "-" : decimal(over(result, "fresh", spread), 2),
      count(over(result, "keepAlive", ({ rate }) => rate)),
      decimal(base?.("fresh"), 2),
      decimal(base?.("keepAlive"), 3),
      decimal(ratio(results, "fresh", row.id, cluster), 2),
      decimal(over(result, "fresh", microseconds), 1),
      decimal(over(result, "keepAlive", microseconds), 1),
      placement === undefined || row.alone
        ? "-"
        : `${placement[0]} : ${placement.at(-1)}`,
      decimal(tail?.p50, 1),
      decimal(tail?.p99, 1),
      load.size === 0 && tail === undefined ? "-" : errors(result),
    ];
  });
  const failures = [...results.rows.values()].flatMap(({ row, failures }) =>
    [...failures].map((failure) => `* ${row.id} failed: ${failure}`)
  );
  const notes = failures.length === 0 ? "" : `\n\n${failures.join("\n")}`;
  return table(HEAD, lines) + notes;
}

/** CPU per request: ms per million are the thousandth of microseconds each. */
function microseconds({ cpu }: LoadSample): number {
  return cpu / 1000;
}

function errors({ load, tail }: RowResult): string {
  const all = [...load.values()].map((each) =>
    each.fresh.errors + each.keepAlive.errors
  );
  return count(all.reduce((a, b) => a + b, tail?.errors ?? 0));
}

function supervisors(results: Results): string {
  const lines = [...results.rows.values()]
    .filter(({ row, load }) =>
      /\/(?:shared|sharded|handoff|cluster-rr)$/.test(row.id) && load.size > 0
    )
    .map((result) => {
      const rss = [...result.load.values()].map((each) => each.rss);
      return [
        result.row.id,
        decimal(rss.reduce((a, b) => a + b, 0) / rss.length, 1),
        count(over(result, "fresh", ({ supervisorCpu }) => supervisorCpu)),
        count(over(result, "keepAlive", ({ supervisorCpu }) => supervisorCpu)),
      ];
    });
  if (lines.length === 0) return "Not measured.";
  return table(
    ["supervisor", "RSS MiB", "CPU ms per M conn", "CPU ms per M keep-alive"],
    lines,
  );
}

function replacements(results: Results): string {
  if (results.replacements.size === 0) return "";
  const lines = [...results.replacements].map(([runtime, samples]) => {
    if (typeof samples === "string") {
      return [runtime, "-", "-", "-", `failed: ${samples}`];
    }
    const first = samples[1]!;
    const middle = samples[Math.floor(samples.length / 2)]!;
    const last = samples.at(-1)!;
    return [
      runtime,
      count(last.replaced),
      `${first.fds} / ${last.fds}`,
      [first, middle, last].map(({ rss }) => decimal(rss / 2 ** 20, 1))
        .join(" / "),
      growth(samples) ?? "no growth",
    ];
  });
  return table(
    [
      "supervisor",
      "replaced",
      "fds first / last",
      "RSS MiB first / middle / last",
      "verdict",
    ],
    lines,
  );
}
