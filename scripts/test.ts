/**
 * The gate: the static checks, and every test file under vitest on Node,
 * `deno test` and `bun test`, as one queue that all cores work on; then the
 * three runners laid side by side, so that none is silently empty.
 *
 *     node scripts/test.ts [--quick] [--update] [--cores n] [--runner name] [part of a path ..]
 *
 * `--quick` leaves out the tests that start processes. A run of everything also
 * checks the package, and lays docs/SERVERS.md beside what the tests of servers
 * have shown; `--update` writes that, and the times that the next first run on
 * another machine goes by. A part of a path leaves out the static checks, too.
 * The last line is the sum of all runs; the exit code is 1 unless everything is
 * right.
 */

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { batches, expectedOf, type TestFile, timeOf } from "./lib/batches.ts";
import { bundle } from "./lib/bundle.ts";
import { differences, skips } from "./lib/compare.ts";
import { type JobEnd, killJobs, runJob } from "./lib/job.ts";
import type { Result } from "./lib/junit.ts";
import { onceOf } from "./lib/once.ts";
import { measurePace, PACE } from "./lib/pace.ts";
import { clock, showProgress } from "./lib/progress.ts";
import { type Job, longestFirst, runQueue, thisMachine } from "./lib/queue.ts";
import {
  type Batch,
  commandOf,
  nameOf,
  type Results,
  resultsOf,
  type Runner,
  RUNNERS,
} from "./lib/runners.ts";
import { checkServersPage } from "./lib/servers_page.ts";
import { keepCosts, keepTimes, lastTimes } from "./lib/times.ts";
import { filesBelow, ROOT } from "./lib/tree.ts";

/** What `--quick` leaves out: what starts processes. */
const SLOW: readonly string[] = [
  "tests/adapter.test.ts",
  "tests/examples/",
  "tests/frameworks/",
  "tests/load/",
  "tests/package/",
  "tests/pool/",
  "tests/preload/",
  "tests/worker/",
];

/**
 * Where the processes of a test run the bundled library, and under which
 * runners: they start in a third of the time. All others, and these by hand, run
 * the sources, as users of JSR do; most of those are on Deno.
 */
const BUNDLED: Readonly<Record<string, readonly Runner[]>> = {
  "tests/frameworks/": RUNNERS,
  "tests/load/": RUNNERS,
  "tests/pool/": RUNNERS,
  "tests/preload/": RUNNERS,
  "tests/worker/": ["vitest", "bun"],
};

/**
 * Tests that see the library from outside only, in processes of its own, and
 * the runners under which they share their modules, and with them one process.
 */
const OUTSIDE: Readonly<Record<string, readonly Runner[]>> = {
  "tests/examples/": ["vitest"],
  "tests/frameworks/": ["vitest"],
  "tests/load/": ["vitest"],
  "tests/pool/": RUNNERS,
  "tests/preload/": RUNNERS,
};

/** What those import that see a worker from outside, by a stand-in supervisor. */
const STAND_IN = 'from "./test_worker.ts"';

/** Their programs call private parts of the sources. */
const SOURCES: readonly string[] = [
  "tests/load/bun_native.test.ts",
  "tests/load/deno_native.test.ts",
];

/**
 * Tests that keep several cores busy: of each kind one at a time, since clients
 * that are starved look idle, and idle ones are closed.
 */
const BUSY: Readonly<Record<string, readonly string[]>> = {
  reloads: [
    "tests/load/acceptance.test.ts",
    "tests/load/balanced_reloads.test.ts",
    "tests/load/bun_native.test.ts",
    "tests/load/deno_native.test.ts",
    "tests/load/sticky_loss.test.ts",
    "tests/load/unmodified.test.ts",
    "tests/load/zero_loss.test.ts",
  ],
  frameworks: ["tests/frameworks/"],
};

/** The scripts of package.json that check without running the library. */
const CHECKS: readonly string[] = ["check:types", "check:rules", "lint"];
const PACKAGE_CHECKS: readonly string[] = ["lint:pkg", "lint:jsr"];

/** What builds `dist` anew, one at a time. */
const BUILDS: readonly string[] = ["lint:pkg", "tests/package/npm.test.ts"];

/** Milliseconds for a test that has no limit of its own, and for a job. */
const TEST_LIMIT = 60_000;
const JOB_LIMIT = 600_000;

const REPORTS = `${ROOT}.reports`;
const BUILD = `${REPORTS}/build`;

/** How many of the slowest are named at the end. */
const SLOWEST = 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    update: { type: "boolean", default: false },
    cores: { type: "string", default: String(availableParallelism()) },
    runner: { type: "string", multiple: true, default: [...RUNNERS] },
  },
});

const unknown = values.runner.find((name) =>
  !RUNNERS.some((known) => known === name)
);
if (unknown !== undefined) {
  throw new TypeError(
    `Cannot test with "${unknown}": the runners are ${RUNNERS.join(", ")}`,
  );
}
const cores = Number(values.cores);
if (!Number.isInteger(cores) || cores < 1) {
  throw new TypeError(
    `Cannot test on "${values.cores}" cores: --cores is a whole number from 1`,
  );
}
const runners = RUNNERS.filter((name) => values.runner.includes(name));

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killJobs();
    process.exit(130);
  });
}

const files = filesBelow("tests")
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) =>
    positionals.length === 0 || positionals.some((part) => file.includes(part))
  )
  .map((path): TestFile => {
    const source = readFileSync(ROOT + path, "utf8");
    return {
      path,
      slow: isBelow(path, SLOW),
      together: !isBelow(path, SLOW)
        ? RUNNERS
        : source.includes(STAND_IN)
        ? ["vitest"]
        : runnersOf(path, OUTSIDE),
      bundled: isBelow(path, SOURCES) ? [] : runnersOf(path, BUNDLED),
      once: onceOf(path, source),
      holds: BUILDS.includes(path)
        ? "dist"
        : Object.keys(BUSY).find((kind) => isBelow(path, BUSY[kind]!)),
    };
  })
  .filter(({ slow }) => !values.quick || !slow);
const whole = positionals.length === 0 && runners.length === RUNNERS.length;

rmSync(`${REPORTS}/junit`, { recursive: true, force: true });
mkdirSync(`${REPORTS}/junit`, { recursive: true });
const pace = await measurePace();
const env = {
  [PACE]: String(pace),
  // Reading sources costs a process more than running them.
  NODE_COMPILE_CACHE: `${REPORTS}/compiled`,
};
const limit = JOB_LIMIT * pace;
const problems: string[] = [];
if (files.some(({ bundled }) => bundled.length > 0)) {
  rmSync(BUILD, { recursive: true, force: true });
  problems.push(...await bundle(BUILD));
}

const last = lastTimes();
const times = new Map<string, number>();
const took: { readonly name: string; readonly end: JobEnd }[] = [];
const runs = new Map<Runner, Map<string, readonly Result[]>>(
  runners.map((runner) => [runner, new Map()]),
);

const checks = !whole
  ? []
  : values.quick
  ? CHECKS
  : [...CHECKS, ...PACKAGE_CHECKS];
const jobs = longestFirst([
  ...checks.map(checkJob),
  ...batches(files, runners, last).map(batchJob),
]);
console.log(
  `${jobs.length} jobs on ${cores} cores; waits are ${pace} times as long`,
);
const began = performance.now();
const progress = showProgress(jobs, cores, process.stdout);
await runQueue(jobs, thisMachine(cores), progress);
progress.end();
const elapsed = (performance.now() - began) / 1000;
keepTimes(Object.fromEntries(times), values.update && whole && !values.quick);
keepCosts(
  Object.fromEntries(took.map(({ name, end }) => [name, end.cpu])),
);

for (const [runner, results] of runs) {
  console.log(`${runner}: ${summary([results])}`);
}
const { listed, unexplained } = skips(runs);
list("skipped:", listed);

const once = new Map(
  files.flatMap(({ path, once }) =>
    once === undefined ? [] : [[path, once.runner] as const]
  ),
);
problems.push(...differences(runs, once), ...unexplained);
if (whole && !values.quick) problems.push(...checkServersPage(values.update));
if (files.length === 0) {
  problems.push("Cannot test anything: no test file fits");
}
list("wrong:", problems);

const failures = [...runs].flatMap(([runner, results]) =>
  [...results].flatMap(([file, own]) =>
    own.filter(({ outcome }) => outcome === "failed").map(({ name }) =>
      `${runner} ${file}: ${name}`
    )
  )
);
list("failed:", failures);

list(
  "slowest:",
  took.toSorted((a, b) => b.end.seconds - a.end.seconds).slice(0, SLOWEST)
    .map(({ name, end }) =>
      `${clock(end.seconds)}, CPU ${clock(end.cpu)}: ${name}`
    ),
);
const cpu = took.reduce((sum, { end }) => sum + end.cpu, 0);
console.log(`\nin ${clock(elapsed)}, CPU ${clock(cpu)}`);
console.log(summary([...runs.values()]));
process.exitCode = problems.length + failures.length > 0 ? 1 : 0;

function checkJob(script: string): Job {
  const name = `npm run ${script}`;
  return {
    name,
    expected: last[name],
    holds: BUILDS.includes(script) ? "dist" : undefined,
    async run() {
      const end = await runJob(["npm", "run", "--silent", script], {
        limit,
        env,
      });
      took.push({ name, end });
      times.set(name, end.seconds);
      if (end.code === 0 && end.problems.length === 0) return;
      problems.push([name, "failed", ...end.problems].join(" "));
      progress.failed(1);
      progress.print(`${name} FAILED\n${end.output}`);
    },
  };
}

function batchJob(batch: Batch): Job {
  const name = nameOf(batch);
  const file = name.replaceAll(/\W+/g, "_");
  const report = `${REPORTS}/junit/${file}.xml`;
  return {
    name,
    expected: expectedOf(batch, last),
    holds: batch.holds,
    async run() {
      const command = commandOf(batch, report, TEST_LIMIT * pace);
      const end = await runJob(command, {
        limit,
        env: batch.bundled ? { ...env, TEST_BUILD: BUILD } : env,
      });
      took.push({ name, end });
      const found = resultsOf(batch, report, end);
      keep(batch, found, end);
      const failed = [...found.values()].flat()
        .filter(({ outcome }) => outcome === "failed");
      if (failed.length === 0) return;
      progress.failed(failed.length);
      progress.print(`${name} FAILED\n${end.output}`);
    },
  };
}

/** Keeps the results, and the time of each file with its share of the start. */
function keep({ runner, files }: Batch, found: Results, end: JobEnd): void {
  const inside = (file: string): number =>
    (found.get(file) ?? []).reduce((sum, { seconds }) => sum + seconds, 0);
  const tests = files.reduce((sum, file) => sum + inside(file), 0);
  const share = Math.max(0, end.seconds - tests) / files.length;
  for (const file of files) {
    times.set(timeOf(runner, file), inside(file) + share);
  }
  for (const [file, own] of found) runs.get(runner)!.set(file, own);
}

/** What a table says of the directory that a file is in. */
function runnersOf(
  file: string,
  table: Readonly<Record<string, readonly Runner[]>>,
): readonly Runner[] {
  const found = Object.entries(table).find(([part]) => file.startsWith(part));
  return found?.[1] ?? [];
}

function isBelow(file: string, directories: readonly string[]): boolean {
  return directories.some((directory) => file.startsWith(directory));
}

function list(title: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  console.log(`\n${title}`);
  for (const line of lines) console.log(`  ${line}`);
}

function summary(all: readonly Results[]): string {
  const outcomes = all.flatMap((results) => [...results.values()].flat());
  const count = (wanted: string): number =>
    outcomes.filter(({ outcome }) => outcome === wanted).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${
    count("skipped")
  } skipped`;
}
