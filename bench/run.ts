/** The bench: `npm run bench`, see README.md. */

import { writeFileSync } from "node:fs";
import process from "node:process";
import { HELP, type Options, parseOptions } from "./options.ts";
import { report } from "./report.ts";
import type { Results, RowResult } from "./results.ts";
import { judged, rowsOf } from "./rows.ts";
import { missing } from "./tools.ts";
import { measureLoad } from "./workloads/load.ts";
import { measurePlacement } from "./workloads/placement.ts";
import { measureReplacements } from "./workloads/replacements.ts";
import { measureTail } from "./workloads/tail.ts";

/** The exit code for wrong usage and for a machine that lacks something. */
const EXIT_USAGE = 2;

/** How often the load of a row runs that no target is about. */
const OTHER_ROUNDS = 2;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`bench: ${messageOf(error)}\n`);
    return EXIT_USAGE;
  }
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const problem = missing();
  if (problem !== undefined) {
    process.stderr.write(`bench: ${problem}\n`);
    return EXIT_USAGE;
  }
  const results = await measure(options);
  const text = report(results, options);
  process.stdout.write(text);
  if (options.whole) {
    writeFileSync(new URL("./RESULTS.md", import.meta.url), text);
  }
  if (options.json !== undefined) {
    writeFileSync(options.json, JSON.stringify(plain(results), null, 2));
  }
  return 0;
}

async function measure(options: Options): Promise<Results> {
  const { parts, rounds } = options;
  const chosen = options.runtimes.flatMap(rowsOf).filter(({ id }) =>
    options.rows.length === 0 || options.rows.some((part) => id.includes(part))
  );
  const results: Results = {
    rows: new Map(chosen.map((row) => [row.id, {
      row,
      load: new Map(),
      failures: new Set<string>(),
    }])),
    replacements: new Map(),
  };
  const important = judged(chosen);
  const each = async (
    part: string,
    work: (result: RowResult) => Promise<void>,
  ): Promise<void> => {
    for (const result of results.rows.values()) {
      progress(`${part}: ${result.row.id}`);
      try {
        await work(result);
      } catch (error) {
        const failure = `${part.split(" ")[0]}: ${messageOf(error)}`;
        result.failures.add(failure);
        progress(`${result.row.id} failed: ${failure}`);
      }
    }
  };
  if (parts.includes("load")) {
    for (let round = 1; round <= rounds; round++) {
      await each(`load ${round}/${rounds}`, async ({ row, load }) => {
        if (round > OTHER_ROUNDS && !important.has(row.id)) return;
        load.set(round, await measureLoad(row, options.seconds));
      });
    }
  }
  if (parts.includes("placement")) {
    await each("placement", async (result) => {
      result.placement = await measurePlacement(result.row);
    });
  }
  if (parts.includes("tail")) {
    await each("tail", async (result) => {
      result.tail = await measureTail(result.row, options.tailSeconds);
    });
  }
  if (parts.includes("replacements")) {
    for (const runtime of options.runtimes) {
      progress(`replacements: ${runtime}`);
      const samples = await measureReplacements(
        runtime,
        "shared",
        options.replacements,
      ).catch(messageOf);
      results.replacements.set(runtime, samples);
    }
  }
  return results;
}

/** Maps and sets as JSON can have them. */
function plain({ rows, replacements }: Results): unknown {
  return {
    rows: [...rows.values()].map(({ row, load, failures, ...rest }) => ({
      id: row.id,
      server: row.server,
      load: [...load.values()],
      failures: [...failures],
      ...rest,
    })),
    replacements: Object.fromEntries(replacements),
  };
}

/** On stderr, so that stdout has the tables alone. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
