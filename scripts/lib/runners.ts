import { readFileSync } from "node:fs";
import type { JobEnd } from "./job.ts";
import { parseJunit, type Result } from "./junit.ts";

/** The runners, by the runtime that they test. */
export const RUNNERS = ["vitest", "deno", "bun"] as const;

/** The name of a runner. */
export type Runner = (typeof RUNNERS)[number];

/** The results of a runner, by file. */
export type Results = ReadonlyMap<string, readonly Result[]>;

/** Stands, with the name of a job, for a file where a failure is of none. */
export const THE_RUN = "(all files) ";

/** Files that one process of a runner tests, one after the other. */
export interface Batch {
  readonly runner: Runner;
  readonly files: readonly string[];
  /** True when the files may share their modules (vitest alone can). */
  readonly together: boolean;
  /** True when their processes run the bundled library. */
  readonly bundled: boolean;
  /** What it needs for itself. */
  readonly holds?: string | undefined;
}

/** What a batch is called. */
export function nameOf({ runner, files }: Batch): string {
  const [first] = files;
  const more = files.length - 1;
  return `${runner} ${first}${more > 0 ? ` and ${more} more` : ""}`;
}

/**
 * The command that runs a batch.
 *
 * @param report where its JUnit report goes
 * @param timeout milliseconds for a test that has no limit of its own
 */
export function commandOf(
  { runner, files, together }: Batch,
  report: string,
  timeout: number,
): readonly [string, ...string[]] {
  switch (runner) {
    case "vitest":
      return [
        ...["vitest", "run", "--reporter=default", "--reporter=junit"] as const,
        `--outputFile.junit=${report}`,
        `--testTimeout=${timeout}`,
        `--hookTimeout=${timeout}`,
        "--no-file-parallelism",
        ...(together ? ["--no-isolate"] : []),
        ...files,
      ];
    case "deno":
      return [
        ...["deno", "test", "-A", "--no-check"] as const,
        `--junit-path=${report}`,
        ...files,
      ];
    case "bun":
      return [
        ...["bun", "test", "--timeout", String(timeout)] as const,
        "--reporter=junit",
        `--reporter-outfile=${report}`,
        ...files.map((file) => `./${file}`),
      ];
  }
}

/** A batch's results by file, and a failure for everything else that went wrong. */
export function resultsOf(
  batch: Batch,
  report: string,
  { code, problems }: Pick<JobEnd, "code" | "problems">,
): Results {
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
  } catch {
    // The runner did not get as far as that.
  }
  const all = parseJunit(xml);
  const wrong = [...problems];
  if (code !== 0 && !all.some(({ outcome }) => outcome === "failed")) {
    wrong.push(`ended with code ${code}`);
  }
  const found = new Map<string, Result[]>(
    batch.files.map((file) => [file, []]),
  );
  const rest = THE_RUN + nameOf(batch);
  const [only] = batch.files;
  for (const result of all) {
    // Deno's report names the file of the harness.
    const file = batch.files.length === 1 ? only! : result.file ?? rest;
    const key = found.has(file) ? file : rest;
    found.set(key, [...found.get(key) ?? [], result]);
  }
  if (wrong.length > 0) {
    found.set(rest, [
      ...found.get(rest) ?? [],
      ...wrong.map((name): Result => ({
        name,
        file: undefined,
        outcome: "failed",
        seconds: 0,
      })),
    ]);
  }
  return found;
}
