/**
 * `npm run bench -- standby`: how long nobody accepts after a worker was killed,
 * of the packed library.
 *
 * @module
 */

import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { npmConsumer } from "../tests/package/consumer.ts";
import { machine } from "./machine.ts";
import { writeSection } from "./sections.ts";
import { decimal } from "./table.ts";
import { type Deaths, standbyTable } from "./tables/standby.ts";
import {
  type DeathSample,
  measureDeath,
  STANDBY_ROWS,
  type StandbyPlan,
  type StandbyRow,
} from "./workloads/standby.ts";

/** What its section in RESULTS.md begins with. */
const HEAD = "## Standby";

/** What `--help` prints. */
const HELP = `Usage: npm run bench -- standby [options]

  --kills N        how many workers of each row are killed (default: 100); a
                   fifth as many without a standby
  --rows node,bun  only rows whose id contains one of these
  --write          put the table into RESULTS.md
`;

/** Measures and prints; resolves with the exit code. */
export async function benchStandby(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: "string", default: "100" },
      rows: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const kills = Number(values.kills);
  const only = values.rows?.split(",") ?? [""];
  const rows = STANDBY_ROWS.filter(({ id }) =>
    only.some((part) => id.includes(part))
  );
  const consumer = await npmConsumer();
  // A compile cache of its own, that is warm after the first pool.
  const cache = mkdtempSync(join(realpathSync(tmpdir()), "bench-cache-"));
  const program = new URL("servers/mortal.mjs", import.meta.url);
  consumer.write("mortal.mjs", readFileSync(program, "utf8"));
  const before = loadavg()[0];
  try {
    const deaths = await killAll(rows, kills, {
      cli: `${consumer.path}/node_modules/prefork/dist/cli.js`,
      program: `${consumer.path}/mortal.mjs`,
      env: { XDG_CACHE_HOME: cache },
    });
    const text = [
      `${HEAD}\n\n${machine()}`,
      [
        "A pool of one worker, which is killed by SIGKILL, with `--standby 1` and without;",
        "a new pool for each kill, one row after the other in each round. p50 / p99, ms",
        "from the kill. It can be seen when the kernel has torn the process down and",
        "closes its connections; nobody knows of it before. What else the machine had to",
        `do counts: load average ${decimal(before, 1)} before, ${
          decimal(loadavg()[0], 1)
        } after.`,
      ].join("\n"),
      `${standbyTable(rows, deaths)}\n`,
    ].join("\n\n");
    process.stdout.write(text);
    if (values.write) writeSection(HEAD, text);
    return 0;
  } finally {
    consumer.remove();
    rmSync(cache, { recursive: true, force: true });
  }
}

async function killAll(
  rows: readonly StandbyRow[],
  kills: number,
  plan: Omit<StandbyPlan, "standby">,
): Promise<Map<string, Deaths>> {
  const deaths = new Map(
    rows.map(({ id }) =>
      [id, { warm: [] as DeathSample[], cold: [] as DeathSample[] }] as const
    ),
  );
  for (let round = 0; round < kills; round++) {
    process.stderr.write(`standby: kill ${round + 1} of ${kills}\n`);
    for (const row of rows) {
      const { warm, cold } = deaths.get(row.id)!;
      warm.push(await measureDeath(row, { ...plan, standby: true }));
      if (round % 5 > 0) continue;
      cold.push(await measureDeath(row, { ...plan, standby: false }));
    }
  }
  return deaths;
}
