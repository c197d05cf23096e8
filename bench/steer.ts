/**
 * `npm run bench -- steer`: the kernel's choice and help for stuck workers
 * (docs/STEERING.md) beside the other ways to share connections.
 *
 * @module
 */

import { loadavg } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { RUNTIMES } from "../tests/runtimes.ts";
import { machine } from "./machine.ts";
import { among } from "./options.ts";
import { writeSection } from "./sections.ts";
import { decimal } from "./table.ts";
import { steerAims, type SteerSamples, steerTable } from "./tables/steer.ts";
import { canRun } from "./tools.ts";
import { measureFarTail } from "./workloads/far_tail.ts";
import { measureLoad } from "./workloads/load.ts";
import { measureBurst } from "./workloads/placement.ts";
import { steerRows } from "./workloads/steer.ts";
import { measureTail } from "./workloads/tail.ts";
import { measureUnequal } from "./workloads/unequal.ts";
import { measureWakeUps } from "./workloads/wakeups.ts";

/** What its section in RESULTS.md begins with. */
const HEAD = "## Steering";

/** Bursts: so many connections at once, and how often. */
const BURSTS = new Map([[200, 3], [5000, 1]]);

/** How far clients are away, there and back, in ms. */
const FAR_MS = 40;

/** The sizes of the pools whose workers are woken. */
const POOLS = [2, 4, 8, 16];

const PARTS = ["burst", "load", "tail", "far", "unequal", "wakeups"] as const;

/** What `--help` prints. */
const HELP = `Usage: npm run bench -- steer [options]

  --runtime node,deno,bun  the rows of these runtimes
  --rows picked,shared     only rows whose name contains one of these
  --part ${PARTS.join(",")}
  --rounds N               how often load, tail and unequal run (default: 2)
  --seconds S              for how long (default: 2)
  --write                  put the tables into RESULTS.md

The program takes CAP_BPF and CAP_NET_ADMIN; \`far\` a TUN device as well.
`;

/** What is added to while it runs. */
type Samples =
  & Pick<SteerSamples, "row">
  & {
    readonly [Name in keyof Omit<SteerSamples, "row">]:
      SteerSamples[Name] extends ReadonlyMap<infer K, infer V> ? Map<K, V>
        : string[];
  };

/** Measures and prints; resolves with the exit code. */
export async function benchSteer(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runtime: { type: "string" },
      rows: { type: "string" },
      part: { type: "string" },
      rounds: { type: "string", default: "2" },
      seconds: { type: "string", default: "2" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!canRun()) return 2;
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  const only = values.rows?.split(",") ?? [""];
  const runtimes = among("--runtime", values.runtime, RUNTIMES);
  const parts = among("--part", values.part, PARTS);
  const before = loadavg()[0];
  const all = runtimes.flatMap((runtime) => steerRows(runtime))
    .filter(({ id }) => only.some((part) => id.includes(part)))
    .map((row): Samples => ({
      row,
      bursts: new Map(),
      load: new Map(),
      tail: new Map(),
      far: new Map(),
      unequal: new Map(),
      wakeUps: new Map(),
      failures: [],
    }));
  for (const part of parts) {
    for (let round = 1; round <= rounds; round++) {
      for (const samples of all) {
        process.stderr.write(`${part} ${round}: ${samples.row.id}\n`);
        try {
          await measure(part, samples, round, seconds);
        } catch (error) {
          const failure = `${part}: ${(error as Error).message}`;
          samples.failures.push(failure);
          process.stderr.write(`failed: ${failure}\n`);
        }
      }
    }
  }
  const failures = all.flatMap(({ row, failures }) =>
    failures.map((failure) => `- ${row.id} failed: ${failure}`)
  );
  const text = `${
    [
      `${HEAD}\n\n${machine()}`,
      `Each server by each way to share connections, one after the other; medians of\n${rounds} rounds of ${seconds} s. Clients of the far tail are ${FAR_MS} ms away. Load average ${
        decimal(before, 1)
      }\nbefore, ${
        decimal(loadavg()[0], 1)
      } after. The parts and the ways: README.md.`,
      steerAims(all),
      steerTable(all),
      ...failures.length === 0 ? [] : [failures.join("\n")],
    ].join("\n\n")
  }\n`;
  process.stdout.write(text);
  if (values.write) writeSection(HEAD, text);
  return 0;
}

/** One part of one row. Those that are counts need no second round. */
async function measure(
  part: typeof PARTS[number],
  { row, ...samples }: Samples,
  round: number,
  seconds: number,
): Promise<void> {
  switch (part) {
    case "burst":
      if (round > 1) return;
      for (const [size, tries] of BURSTS) {
        samples.bursts.set(size, await measureBurst(row, size, tries));
      }
      return;
    case "load":
      samples.load.set(round, await measureLoad(row, seconds));
      return;
    case "tail":
      samples.tail.set(round, await measureTail(row, seconds));
      return;
    case "far":
      // Its servers listen everywhere.
      if (row.way === "in turn") return;
      samples.far.set(round, await measureFarTail(row, FAR_MS, seconds));
      return;
    case "unequal":
      samples.unequal.set(round, await measureUnequal(row, seconds, round));
      return;
    case "wakeups":
      if (round > 1) return;
      for (const workers of POOLS) {
        samples.wakeUps.set(workers, await measureWakeUps(row, workers));
      }
      return;
  }
}
