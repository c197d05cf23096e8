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

/** What tests several files in one isolate of Deno, and how it names them. */
const DENO_BATCH = "tests/harness_deno_batch.ts";
const OF_FILE = " # ";

/** Files that one process of a runner tests, one after the other. */
export interface Batch {
  readonly runner: Runner;
  readonly files: readonly string[];
  /** True when the files may share their modules. */
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
        ...(files.length === 1 ? files : [DENO_BATCH, "--", ...files]),
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
  for (const result of all) {
    const [file, name] = ownerOf(batch, result);
    const key = file !== undefined && found.has(file) ? file : rest;
    found.set(key, [...found.get(key) ?? [], { ...result, name }]);
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

/** The file of a result, and its name there. */
function ownerOf(
  { runner, files }: Batch,
  { file, name }: Result,
): [string | undefined, string] {
  if (files.length === 1) return [files[0], name];
  if (runner !== "deno") return [file, name];
  // Deno's report names the file of the harness.
  const end = name.indexOf(OF_FILE);
  return [name.slice(0, end), name.slice(end + OF_FILE.length)];
}
