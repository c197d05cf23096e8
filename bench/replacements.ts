/**
 * The part of the bench about replacements, on its own: `node
 * bench/replacements.ts [runtime] [count]`.
 */

import process from "node:process";
import { type Runtime, RUNTIMES } from "../tests/runtimes.ts";
import { growth, measureReplacements } from "./workloads/replacements.ts";

const [only, count = "1000"] = process.argv.slice(2);
for (const runtime of RUNTIMES.filter((each) => (only ?? each) === each)) {
  await show(runtime);
}

async function show(runtime: Runtime): Promise<void> {
  const samples = await measureReplacements(runtime, "shared", Number(count));
  for (const { replaced, fds, rss, heap } of samples) {
    const mib = (rss / 2 ** 20).toFixed(1);
    process.stdout.write(
      `${runtime} replaced=${replaced} fds=${fds} rss=${mib}MiB heap=${
        (heap / 2 ** 20).toFixed(1)
      }MiB\n`,
    );
  }
  const problem = growth(samples);
  process.stdout.write(`${runtime}: ${problem ?? "no growth"}\n`);
  if (problem !== undefined) process.exitCode = 1;
}
