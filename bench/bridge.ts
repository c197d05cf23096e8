/**
 * `npm run bench -- bridge`: what a request costs that a fetch handler answers
 * on Node, of the packed library, beside other bridges and `node:http`.
 *
 * @module
 */

import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { loadavg } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { npmConsumer } from "../tests/package/consumer.ts";
import { machine } from "./machine.ts";
import { writeSection } from "./sections.ts";
import { decimal } from "./table.ts";
import { type BridgeSamples, bridgeTable } from "./tables/bridge.ts";
import {
  type Answering,
  BRIDGE_ROWS,
  type BridgeRow,
  type BridgeSample,
  PROGRAMS,
  startBridge,
  WORKLOADS,
} from "./workloads/bridge.ts";
import { canRun } from "./tools.ts";

/** What its section in RESULTS.md begins with. */
const HEAD = "## Bridge";

/** What `--help` prints. */
const HELP = `Usage: npm run bench -- bridge [options]

  --starts N             how often each program is started (default: 3)
  --turns N              how often each is measured then (default: 3)
  --seconds S            for how long (default: 1)
  --workloads text,json  only these of ${Object.keys(WORKLOADS).join(",")}
  --rows serve,hono      only rows whose id contains one of these
  --write                put the tables into RESULTS.md
`;

/** How long a new process runs before it is measured, in seconds. */
const WARM_SECONDS = 1;

/** Measures and prints; resolves with the exit code. */
export async function benchBridge(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      starts: { type: "string", default: "3" },
      turns: { type: "string", default: "3" },
      seconds: { type: "string", default: "1" },
      workloads: { type: "string" },
      rows: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!canRun()) return 2;
  const [starts, turns, seconds] = [
    Number(values.starts),
    Number(values.turns),
    Number(values.seconds),
  ];
  const only = values.rows?.split(",") ?? [""];
  const rows = BRIDGE_ROWS.filter(({ id }) =>
    only.some((part) => id.includes(part))
  );
  const workloads = values.workloads?.split(",") ?? Object.keys(WORKLOADS);
  const consumer = await npmConsumer();
  const before = loadavg()[0];
  try {
    installPeers(consumer.path);
    for (const file of PROGRAMS) {
      copyFileSync(file, join(consumer.path, basename(file)));
    }
    const start = (row: BridgeRow, workload: string): Promise<Answering> =>
      startBridge(
        row,
        workload,
        consumer.path,
        `${consumer.path}/node_modules/prefork/dist/cli.js`,
      );
    const tables: string[] = [];
    for (const workload of workloads) {
      const samples = new Map<string, BridgeSample[]>();
      for (let i = 1; i <= starts; i++) {
        process.stderr.write(`${workload}: start ${i} of ${starts}\n`);
        await measureOnce(
          rows,
          (row) => start(row, workload),
          { turns, seconds },
          samples,
        );
      }
      tables.push(bridgeTable(workload, rows, samples satisfies BridgeSamples));
    }
    const text = `${
      [
        `${HEAD}\n\n${machine()}`,
        `The same handler in each row but those of \`node:http\`; keep-alive, wrk with 64\nconnections on a CPU of its own. CPU of the process that answers, user and\nsystem, for a request; medians of ${
          starts * turns
        } turns of ${seconds} s, with ${starts} starts of each, and of\nthe ratios within a turn. Load average ${
          decimal(before, 1)
        } before, ${decimal(loadavg()[0], 1)} after.`,
        ...tables,
      ].join("\n\n")
    }\n`;
    process.stdout.write(text);
    if (values.write) writeSection(HEAD, text);
    return 0;
  } finally {
    consumer.remove();
  }
}

/** All rows run at a time, and are measured one after the other. */
async function measureOnce(
  rows: readonly BridgeRow[],
  start: (row: BridgeRow) => Promise<Answering>,
  { turns, seconds }: { readonly turns: number; readonly seconds: number },
  samples: Map<string, BridgeSample[]>,
): Promise<void> {
  await using running = new AsyncDisposableStack();
  const programs: [string, Answering][] = [];
  for (const row of rows) {
    const program = running.use(await start(row));
    await program.measure(WARM_SECONDS);
    programs.push([row.id, program]);
  }
  for (let turn = 0; turn < turns; turn++) {
    for (const [id, program] of programs) {
      const sample = await program.measure(seconds);
      samples.set(id, [...samples.get(id) ?? [], sample]);
    }
  }
}

/** The other bridges as they are pinned in `tests/frameworks`. */
function installPeers(directory: string): void {
  const modules = join(directory, "node_modules");
  for (const name of ["@hono/node-server", "hono", "srvx"]) {
    const target = join(modules, name);
    mkdirSync(join(target, ".."), { recursive: true });
    symlinkSync(
      fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url)),
      target,
    );
  }
}
