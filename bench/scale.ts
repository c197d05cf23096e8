/**
 * `npm run bench -- scale`: what an event costs the supervisor of a pool of 10 to
 * 10,000 slots, in memory.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import type { ShareMode } from "../core/adapter.ts";
import { machine } from "./machine.ts";
import { writeSection } from "./sections.ts";
import { type Curve, scaleTable } from "./tables/scale.ts";
import { type ScaledPool, scaledPool } from "./workloads/scale.ts";

/** What its section in RESULTS.md begins with. */
const HEAD = "## Scale";

const SIZES = [10, 100, 1_000, 10_000] as const;

/** Those that have something to be told of each worker, and one that has not. */
const SHARES: readonly ShareMode[] = ["shared", "balanced", "sharded"];

/** What `--help` prints. */
const HELP = `Usage: npm run bench -- scale [options]

  --events N  how many events each pool sees (default: 1000000)
  --rounds N  in so many parts, a pool after the other in each (default: 4)
  --write     put the table into RESULTS.md
`;

/** Measures and prints; resolves with the exit code. */
export async function benchScale(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "4" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [events, rounds] = [Number(values.events), Number(values.rounds)];
  const curves = new Map<string, Curve>();
  for (const share of SHARES) {
    curves.set(share, await curveOf(share, events / rounds, rounds));
  }
  const text = [
    `${HEAD}\n\n${machine()}`,
    [
      // As `deno fmt` breaks it.
      `Microseconds of CPU for an event, of ${
        events.toLocaleString("en-US")
      } for each number of slots: workers`,
      "that crash, leave, are recycled, come up, and are replaced by reloads. The real",
      "supervisor, on Node, with workers that exist in memory only; their part of the",
      "work and the garbage are in the numbers. The scoreboard of `balanced` has 2,048",
      `seats, who comes later has none. Medians of ${rounds} rounds, one size after the other`,
      "in each.",
    ].join("\n"),
    `${scaleTable(curves)}\n`,
  ].join("\n\n");
  process.stdout.write(text);
  if (values.write) writeSection(HEAD, text);
  return 0;
}

async function curveOf(
  share: ShareMode,
  events: number,
  rounds: number,
): Promise<Curve> {
  const pools = new Map<number, ScaledPool>();
  for (const slots of SIZES) pools.set(slots, await scaledPool(slots, share));
  // What is compiled is compiled for all of them.
  for (const pool of pools.values()) pool.run(events / 5);
  const costs = new Map<number, number[]>(SIZES.map((slots) => [slots, []]));
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`scale: ${share}, round ${round + 1} of ${rounds}\n`);
    for (const [slots, pool] of pools) costs.get(slots)!.push(pool.run(events));
  }
  return costs;
}
