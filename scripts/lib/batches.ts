import { type Batch, type Runner, RUNNERS } from "./runners.ts";
import type { Once } from "./once.ts";
import type { Times } from "./times.ts";

/** A test file, and what is known of it. */
export interface TestFile {
  readonly path: string;
  /** True when it starts processes. */
  readonly slow: boolean;
  /** The runners under which it may share its modules with others like it. */
  readonly together: readonly Runner[];
  /** The runners under which its processes run the bundled library. */
  readonly bundled: readonly Runner[];
  /** Where it runs, unless under each runner. */
  readonly once: Once | undefined;
  /** What it needs for itself. */
  readonly holds?: string | undefined;
}

/**
 * Seconds up to which small files share one process: vitest takes more than a
 * second of CPU before the first test, Deno and Bun half of one.
 */
export const FILL: Readonly<Record<Runner, number>> = {
  vitest: 90,
  deno: 45,
  bun: 45,
};

/** Seconds of a file of which nothing is known. */
const UNKNOWN = 5;

/** The name under which a file's time is kept. */
export function timeOf(runner: Runner, file: string): string {
  return `${runner} ${file}`;
}

/**
 * What is run in one process: small files that may share their modules, and
 * under vitest others as well; a file each of the rest under Deno and Bun.
 */
export function batches(
  files: readonly TestFile[],
  runners: readonly Runner[],
  times: Times,
): Batch[] {
  return RUNNERS.filter((runner) => runners.includes(runner)).flatMap(
    (runner) => {
      const own = files.filter(({ once }) =>
        once === undefined || once.runner === runner
      );
      const kinds = Map.groupBy(
        own,
        ({ path, slow, together, bundled, holds }) =>
          `${slow} ${together.includes(runner)} ${bundled.includes(runner)} ${
            runner === "vitest" || together.includes(runner) ? "" : path
          } ${holds}`,
      );
      return [...kinds.values()].flatMap((alike) =>
        filled(
          alike.map(({ path }) => path),
          (path) => times[timeOf(runner, path)] ?? UNKNOWN,
          FILL[runner],
        ).map((files): Batch => ({
          runner,
          files,
          together: alike[0]!.together.includes(runner),
          bundled: alike[0]!.bundled.includes(runner),
          ...(alike[0]!.holds !== undefined && { holds: alike[0]!.holds }),
        }))
      );
    },
  );
}

/** Puts files together, largest first, as long as they stay below so many seconds. */
function filled(
  paths: readonly string[],
  seconds: (path: string) => number,
  most: number,
): string[][] {
  const bins: { paths: string[]; left: number }[] = [];
  for (const path of paths.toSorted((a, b) => seconds(b) - seconds(a))) {
    const needs = seconds(path);
    const bin = bins.find(({ left }) => left >= needs);
    if (bin === undefined) bins.push({ paths: [path], left: most - needs });
    else {
      bin.paths.push(path);
      bin.left -= needs;
    }
  }
  return bins.map(({ paths }) => paths);
}

/** Seconds that a batch is expected to take; undefined when nobody knows. */
export function expectedOf(
  { runner, files }: Batch,
  times: Times,
): number | undefined {
  const all = files.map((file) => times[timeOf(runner, file)]);
  return all.includes(undefined)
    ? undefined
    : all.reduce((sum: number, each) => sum + (each ?? 0), 0);
}
