/**
 * `npm run bench -- dgram`: how many datagrams are answered in a second by one
 * process and by a pool, of the packed library.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { npmConsumer } from "../tests/package/consumer.ts";
import { RUNTIMES } from "../tests/runtimes.ts";
import { machine } from "./machine.ts";
import { writeSection } from "./sections.ts";
import { median } from "./stats.ts";
import { decimal, table } from "./table.ts";
import {
  type DgramRow,
  type DgramSample,
  measureDatagrams,
} from "./workloads/dgram.ts";

/** What its section in RESULTS.md begins with. */
const HEAD = "## Datagrams";

/** What `--help` prints. */
const HELP = `Usage: npm run bench -- dgram [options]

  --rounds N   how often each row is measured (default: 3)
  --seconds S  how long (default: 3)
  --work US    microseconds of CPU for each answer (default: 200)
  --workers N  workers of a pool (default: 2)
  --write      put the table into RESULTS.md
`;

/** Measures and prints; resolves with the exit code. */
export async function benchDatagrams(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "3" },
      work: { type: "string", default: "200" },
      workers: { type: "string", default: "2" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const rows = RUNTIMES.flatMap((runtime): DgramRow[] => [
    { id: `${runtime}/one process`, runtime },
    { id: `${runtime}/shared`, runtime, share: "shared" },
    { id: `${runtime}/sharded`, runtime, share: "sharded" },
  ]);
  const consumer = await npmConsumer();
  const program = new URL("servers/dgram.mjs", import.meta.url);
  consumer.write("dgram.mjs", readFileSync(program, "utf8"));
  const plan = {
    cli: `${consumer.path}/node_modules/prefork/dist/cli.js`,
    program: `${consumer.path}/dgram.mjs`,
    workers: Number(values.workers),
    work: Number(values.work),
    seconds: Number(values.seconds),
  };
  const before = loadavg()[0];
  try {
    const samples = new Map<string, DgramSample[]>();
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const row of rows) {
        const sample = await measureDatagrams(row, plan);
        samples.set(row.id, [...samples.get(row.id) ?? [], sample]);
      }
    }
    const text = [
      `${HEAD}\n\n${machine()}`,
      `Each answer takes ${plan.work} us of CPU, a pool has ${plan.workers} workers; 32 clients with\ntwo questions on their way each, on the same machine. Answers a second, the\nmedian of ${values.rounds}; the part of all answers that the busiest worker gave in the last\nround. What else the machine had to do counts: load average ${
        decimal(before, 1)
      } before,\n${decimal(loadavg()[0], 1)} after.`,
      `${tableOf(rows, samples)}\n`,
    ].join("\n\n");
    process.stdout.write(text);
    if (values.write) writeSection(HEAD, text);
    return 0;
  } finally {
    consumer.remove();
  }
}

function tableOf(
  rows: readonly DgramRow[],
  samples: ReadonlyMap<string, readonly DgramSample[]>,
): string {
  const rateOf = (id: string): number =>
    median(samples.get(id)!.map(({ rate }) => rate));
  return table(
    ["row", "answers/s", "of one process", "workers", "busiest"],
    rows.map(({ id, runtime }) => {
      const { byProcess } = samples.get(id)!.at(-1)!;
      const all = byProcess.reduce((a, b) => a + b, 0);
      return [
        id,
        decimal(rateOf(id), 0),
        `${decimal(rateOf(id) / rateOf(`${runtime}/one process`), 2)} x`,
        String(byProcess.length),
        `${decimal(100 * Math.max(...byProcess) / all, 0)} %`,
      ];
    }),
  );
}
