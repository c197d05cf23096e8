/**
 * The test matrix: every test file under vitest on Node, `deno test` and
 * `bun test`, one runner after the other, and then the three laid side by
 * side, so that none is silently empty.
 *
 *     node scripts/test.ts [--quick] [--update] [--runner name] [part of a path ..]
 *
 * `--quick` leaves out the tests that start whole pools or workers. A run of
 * everything also lays docs/SERVERS.md beside what the tests of servers have
 * shown; `--update` writes it. The last line is the sum of all runs; the exit
 * code is 1 unless everything is right.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { differences, skips } from "./lib/compare.ts";
import { killJobs } from "./lib/job.ts";
import { type Results, runFiles, type Runner, RUNNERS } from "./lib/runners.ts";
import { checkServersPage } from "./lib/servers_page.ts";
import { filesBelow } from "./lib/tree.ts";

/** Tests under load: nothing else may run beside them. */
const ALONE = "tests/load/";

/** What `--quick` leaves out: what starts whole pools or workers. */
const SLOW: readonly string[] = [
  ALONE,
  "tests/examples/",
  "tests/frameworks/",
  "tests/package/",
  "tests/pool/",
  "tests/preload/",
  "tests/worker/",
];

/** The tests that docs/SERVERS.md is made of. */
const SERVERS: readonly string[] = filesBelow("tests/frameworks")
  .filter((file) => file.endsWith(".test.ts"));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    update: { type: "boolean", default: false },
    runner: { type: "string", multiple: true, default: [...RUNNERS] },
  },
});

const wanted: readonly string[] = values.runner;
const unknown = wanted.find((name) => !RUNNERS.some((known) => known === name));
if (unknown !== undefined) {
  throw new TypeError(
    `Cannot test with "${unknown}": the runners are ${RUNNERS.join(", ")}`,
  );
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killJobs();
    process.exit(130);
  });
}

const files = filesBelow("tests")
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) => !values.quick || !isBelow(file, SLOW))
  .filter((file) => positionals.every((part) => file.includes(part)));
const alone = files.filter((file) => isBelow(file, [ALONE]));
const together = files.filter((file) => !isBelow(file, [ALONE]));

const runs = new Map<Runner, Results>();
for (const runner of RUNNERS.filter((name) => wanted.includes(name))) {
  const began = performance.now();
  const results: Results = new Map([
    ...await runPass(runner, together, true),
    ...await runPass(runner, alone, false),
  ]);
  runs.set(runner, results);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`${runner}: ${summary([results])} in ${seconds} s`);
}

const { listed, unexplained } = skips(runs);
if (listed.length > 0) console.log("\nskipped:");
for (const skip of listed) console.log(`  ${skip}`);

const problems = [...differences(runs), ...unexplained];
const everywhere = RUNNERS.every((runner) => runs.has(runner));
if (everywhere && SERVERS.every((file) => files.includes(file))) {
  problems.push(...checkServersPage(values.update));
}
if (files.length === 0) {
  problems.push("Cannot test anything: no test file fits");
}
if (problems.length > 0) console.log("\nwrong:");
for (const problem of problems) console.log(`  ${problem}`);

const failures = [...runs].flatMap(([runner, results]) =>
  [...results].flatMap(([file, own]) =>
    own.filter(({ outcome }) => outcome === "failed").map(({ name }) =>
      `${runner} ${file}: ${name}`
    )
  )
);
if (failures.length > 0) console.log("\nfailed:");
for (const failure of failures) console.log(`  ${failure}`);

console.log(`\n${summary([...runs.values()])}`);
process.exitCode = problems.length + failures.length > 0 ? 1 : 0;

async function runPass(
  runner: Runner,
  some: readonly string[],
  parallel: boolean,
): Promise<Results> {
  if (some.length === 0) return new Map();
  const pass = parallel ? "together" : "alone";
  console.log(`\n${runner}: ${some.length} files, ${pass}`);
  return await runFiles(runner, some, pass, parallel);
}

function summary(all: readonly Results[]): string {
  const outcomes = all.flatMap((results) => [...results.values()].flat());
  const count = (wanted: string): number =>
    outcomes.filter(({ outcome }) => outcome === wanted).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${
    count("skipped")
  } skipped`;
}

function isBelow(file: string, directories: readonly string[]): boolean {
  return directories.some((directory) => file.startsWith(directory));
}
