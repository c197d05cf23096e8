/** The bench: `npm run bench`, see README.md. */

import { writeFileSync } from "node:fs";
import process from "node:process";
import { benchBridge } from "./bridge.ts";
import { benchDatagrams } from "./dgram.ts";
import { measure } from "./measure.ts";
import { HELP, type Options, parseOptions } from "./options.ts";
import { picture } from "./picture/picture.ts";
import { tradesOf } from "./picture/trade.ts";
import { benchRebalance } from "./rebalance.ts";
import { report } from "./report.ts";
import type { Results } from "./results.ts";
import { benchScale } from "./scale.ts";
import { laterSections } from "./sections.ts";
import { benchStandby } from "./standby.ts";
import { benchStart } from "./start.ts";
import { benchSteer } from "./steer.ts";
import { canRun } from "./tools.ts";

/** The exit code for wrong usage and for a machine that lacks something. */
const EXIT_USAGE = 2;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === "start") return await benchStart(args.slice(1));
  if (args[0] === "scale") return await benchScale(args.slice(1));
  if (args[0] === "dgram") return await benchDatagrams(args.slice(1));
  if (args[0] === "bridge") return await benchBridge(args.slice(1));
  if (args[0] === "steer") return await benchSteer(args.slice(1));
  if (args[0] === "rebalance") return await benchRebalance(args.slice(1));
  if (args[0] === "standby") return await benchStandby(args.slice(1));
  let options: Options | undefined;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`);
    return EXIT_USAGE;
  }
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!canRun()) return EXIT_USAGE;
  // On stderr, so that stdout has the tables alone.
  const results = await measure(
    options,
    (line) => void process.stderr.write(`${line}\n`),
  );
  const text = report(results, options);
  process.stdout.write(text);
  if (options.whole) writeHere("RESULTS.md", text + laterSections());
  const trades = tradesOf(results);
  if (trades.length > 0 && !options.quick) {
    writeHere("trade.svg", picture(trades));
  }
  if (options.json !== undefined) {
    writeFileSync(options.json, JSON.stringify(plain(results), null, 2));
  }
  return 0;
}

function writeHere(file: string, text: string): void {
  writeFileSync(new URL(file, import.meta.url), text);
}

/** Maps and sets as JSON can have them. */
function plain({ rows, replacements }: Results): unknown {
  return {
    rows: [...rows.values()].map((
      { row, load, tail, unequal, failures, ...rest },
    ) => ({
      id: row.id,
      server: row.server,
      load: [...load.values()],
      tail: [...tail.values()],
      unequal: [...unequal.values()],
      failures: [...failures],
      ...rest,
    })),
    replacements: Object.fromEntries(replacements),
  };
}
