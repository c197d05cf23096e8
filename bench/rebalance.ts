/**
 * `npm run bench -- rebalance`: whether connections that clients keep even out
 * after a pool has changed (docs/BALANCE.md).
 *
 * @module
 */

import { loadavg } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { machine } from "./machine.ts";
import { writeSection } from "./sections.ts";
import { decimal } from "./table.ts";
import { isEven, rebalanceTable } from "./tables/rebalance.ts";
import { measureRebalance, REBALANCE_ROWS } from "./workloads/rebalance.ts";

/** What its section in RESULTS.md begins with. */
const HEAD = "## Rebalancing";

/** What `--help` prints. */
const HELP = `Usage: npm run bench -- rebalance [options]

  --rows node,http2   only rows whose id contains one of these
  --without           each row with --rebalance off as well
  --write             put the table into RESULTS.md
`;

/** Measures and prints; resolves with the exit code. */
export async function benchRebalance(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: "string" },
      without: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const only = values.rows?.split(",") ?? [""];
  const before = loadavg()[0];
  const samples = [];
  for (const row of REBALANCE_ROWS) {
    if (!only.some((part) => row.id.includes(part))) continue;
    process.stderr.write(`rebalance: ${row.id}\n`);
    const on = await measureRebalance(row, isEven, true);
    const off = values.without
      ? await measureRebalance(row, isEven, false)
      : undefined;
    samples.push([row, on, off] as const);
  }
  const text = [
    `${HEAD}\n\n${machine()}`,
    [
      "Clients that keep their connections and never retry, while a pool is scaled or",
      "reloaded: 400 of HTTP/1.1, or 8 of HTTP/2 without TLS. Most : fewest by who has",
      "answered each last, before, and so many s after the last worker was ready; from",
      "when on the aim was met and stayed so. Load average " +
      `${decimal(before, 1)} before, ${decimal(loadavg()[0], 1)} after.`,
    ].join("\n"),
    `${rebalanceTable(samples)}\n`,
  ].join("\n\n");
  process.stdout.write(text);
  if (values.write) writeSection(HEAD, text);
  return 0;
}
