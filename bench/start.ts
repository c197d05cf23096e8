/**
 * `npm run bench -- start`: what a start and a reload cost, of the packed
 * library.
 *
 * @module
 */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { npmConsumer } from "../tests/package/consumer.ts";
import { machine, peerVersions } from "./machine.ts";
import { writeSection } from "./sections.ts";
import { reloadTable, type ReloadTimes, startTable } from "./tables/start.ts";
import { RELOADED, startReloaded } from "./workloads/reload.ts";
import {
  measureStart,
  type StartRow,
  startRows,
  type StartSample,
} from "./workloads/start.ts";

/** What its section in RESULTS.md begins with. */
const HEAD = "## Start";

/** What `--help` prints. */
const START_HELP: string = `Usage: npm run bench -- start [options]

  --rounds N       how often each row is started (default: 10)
  --rows node,bun  only rows whose id contains one of these
  --against DIR    reload a NestJS and a Next.js program beside this build of
                   another version: a checkout that was built, or an installed
                   package
  --write          put the tables into RESULTS.md
`;

/** Measures and prints; resolves with the exit code. */
export async function benchStart(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "10" },
      rows: { type: "string" },
      against: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(START_HELP);
    return 0;
  }
  const rounds = Number(values.rounds);
  const only = values.rows?.split(",") ?? [""];
  const other = values.against && resolve(values.against, "dist/cli.js");
  if (other && !existsSync(other)) {
    throw new TypeError(`Cannot use --against: there is no "${other}"`);
  }
  const consumer = await npmConsumer();
  // A compile cache of its own, that is warm after the first round.
  const cache = mkdtempSync(join(tmpdir(), "bench-cache-"));
  const env = { XDG_CACHE_HOME: cache };
  try {
    const cli = `${consumer.path}/node_modules/prefork/dist/cli.js`;
    const rows = startRows(cli).filter(({ id }) =>
      only.some((part) => id.includes(part))
    );
    const { samples, failures } = await starts(rows, rounds, env);
    const parts = [
      `${HEAD}\n\n${machine()}${
        rows.some(({ peer }) => peer) ? `\n${peerVersions()}` : ""
      }`,
      [
        // As `deno fmt` breaks it.
        `The packed library, the same unmodified \`node:http\` program, ${rounds} rounds, one row`,
        "after the other; medians, and in parentheses the median of the ratios within a",
        "round. The whole tree of processes: its CPU until all workers accept, its memory",
        "half a second later.",
      ].join("\n"),
      startTable(rows, samples),
      ...(failures.length === 0 ? [] : [failures.join("\n")]),
    ];
    if (other) {
      parts.push(
        "Reload: from HUP to all four workers replaced, with the default soak of 1 s; the\n" +
          `two builds in turns, both pools running, ${rounds} rounds.`,
        reloadTable(await reloads(cli, other, rounds, env)),
      );
    }
    const text = `${parts.join("\n\n")}\n`;
    process.stdout.write(text);
    if (values.write) writeSection(HEAD, text);
    return 0;
  } finally {
    consumer.remove();
    rmSync(cache, { recursive: true, force: true });
  }
}

async function starts(
  rows: readonly StartRow[],
  rounds: number,
  env: Readonly<Record<string, string>>,
): Promise<{
  samples: Map<string, StartSample[]>;
  failures: readonly string[];
}> {
  const samples = new Map<string, StartSample[]>(
    rows.map(({ id }) => [id, []]),
  );
  const failures = new Map<string, string>();
  for (let round = 1; round <= rounds; round++) {
    tell(`start: round ${round} of ${rounds}`);
    for (const row of rows) {
      if (failures.has(row.id)) continue;
      try {
        samples.get(row.id)!.push(await measureStart(row, env));
      } catch (error) {
        // A peer that fails is shown to fail; without prefork there is no bench.
        if (!row.peer) throw error;
        samples.set(row.id, []);
        failures.set(row.id, `- ${(error as Error).message}`);
      }
    }
  }
  return { samples, failures: [...failures.values()] };
}

async function reloads(
  own: string,
  other: string,
  rounds: number,
  env: Readonly<Record<string, string>>,
): Promise<Map<string, ReloadTimes>> {
  const times = new Map<string, ReloadTimes>();
  for (const [program, app] of Object.entries(RELOADED)) {
    tell(`reload: ${program}`);
    const pools = [
      await startReloaded(own, app, env),
      await startReloaded(other, app, env),
    ] as const;
    try {
      const measured = { own: [] as number[], other: [] as number[] };
      for (let round = 0; round < rounds; round++) {
        measured.own.push(await pools[0].reload());
        measured.other.push(await pools[1].reload());
      }
      times.set(program, measured);
    } finally {
      for (const pool of pools) await pool.end();
    }
  }
  return times;
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
