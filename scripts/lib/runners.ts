import { mkdirSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { type JobEnd, runJob } from "./job.ts";
import { parseJunit, type Result } from "./junit.ts";
import { ROOT } from "./tree.ts";

/** The runners, by the runtime that they test. */
export const RUNNERS = ["vitest", "deno", "bun"] as const;

/** The name of a runner. */
export type Runner = (typeof RUNNERS)[number];

/** The results of a runner, by file. */
export type Results = ReadonlyMap<string, readonly Result[]>;

/** Where the reports go. */
const REPORTS = `${ROOT}.reports`;

/** Stands, with the name of the pass, for a file where a failure is of none. */
export const THE_RUN = "(all files) ";

/** Milliseconds that `bun test` gives to what has no limit of its own. */
const BUN_TIMEOUT = "60000";

/**
 * Runs test files under one runner, two at a time or one after the other.
 *
 * vitest takes them all in one process. Deno and Bun get a process for each
 * file: Deno's report does not tell the files apart, and a crash below FFI
 * takes one file with it and not all.
 */
export async function runFiles(
  runner: Runner,
  files: readonly string[],
  pass: string,
  parallel: boolean,
): Promise<Results> {
  const reports = `${REPORTS}/${runner}-${pass}`;
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  if (runner === "vitest") {
    const report = `${reports}/all.xml`;
    const end = await runJob([
      "vitest",
      "run",
      "--reporter=default",
      "--reporter=junit",
      `--outputFile.junit=${report}`,
      ...(parallel ? [] : ["--no-file-parallelism"]),
      ...files,
    ], true);
    return byFile(files, pass, results(report, end));
  }
  const found = new Map<string, readonly Result[]>();
  const queue = [...files];
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const report = `${reports}/${file.replaceAll("/", ".")}.xml`;
      const end = await runJob(command(runner, file, report), false);
      const own = results(report, end);
      found.set(file, own);
      const good = own.every(({ outcome }) => outcome !== "failed");
      const state = good ? "ok" : "FAILED";
      const ms = Math.round(end.ms);
      console.log(` ${state} ${file} (${own.length} tests) ${ms}ms`);
      if (!good) process.stdout.write(end.output);
    }
  };
  await Promise.all(parallel ? [work(), work()] : [work()]);
  return found;
}

function command(
  runner: "deno" | "bun",
  file: string,
  report: string,
): readonly [string, ...string[]] {
  return runner === "deno"
    ? ["deno", "test", "-A", "--no-check", `--junit-path=${report}`, file]
    : [
      "bun",
      "test",
      "--timeout",
      BUN_TIMEOUT,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      `./${file}`,
    ];
}

/** A report's results, and a failure for everything else that went wrong. */
function results(report: string, { code, problems }: JobEnd): Result[] {
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
  } catch {
    // The runner did not get as far as that.
  }
  const found = parseJunit(xml);
  const wrong = [...problems];
  if (code !== 0 && !found.some(({ outcome }) => outcome === "failed")) {
    wrong.push(`ended with code ${code}`);
  }
  return [
    ...found,
    ...wrong.map((name): Result => ({
      name,
      file: undefined,
      outcome: "failed",
    })),
  ];
}

function byFile(
  files: readonly string[],
  pass: string,
  all: readonly Result[],
): Results {
  const found = new Map<string, Result[]>(files.map((file) => [file, []]));
  for (const result of all) {
    const file = files.find((f) => f === result.file) ?? THE_RUN + pass;
    found.set(file, [...found.get(file) ?? [], result]);
  }
  return found;
}
