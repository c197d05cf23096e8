import { type Batch, type Runner, RUNNERS } from "./runners.ts";
import type { Once } from "./once.ts";
import type { Times } from "./times.ts";

/** A test file, and what is known of it. */
export interface TestFile {
  readonly path: string;
  /** True when it starts processes. */
  readonly slow: boolean;
  /** True when it may share its modules with others like it. */
  readonly together: boolean;
  /** The runners under which its processes run the bundled library. */
  readonly bundled: readonly Runner[];
  /** Where it runs, unless under each runner. */
  readonly once: Once | undefined;
  /** What it needs for itself. */
  readonly holds?: string | undefined;
}

/**
 * Seconds up to which small files share one process of vitest: that takes more
 * than a second of CPU before the first test, those of Deno and Bun a tenth.
 */
export const FILL = 45;

/** Seconds of a file of which nothing is known. */
const UNKNOWN = 5;

/** The name under which a file's time is kept. */
export function timeOf(runner: Runner, file: string): string {
  return `${runner} ${file}`;
}

/**
 * What is run in one process: a file each under Deno, whose report does not
 * tell files apart, and under Bun, where a crash below FFI takes one file with
 * it and not all; small files together under vitest.
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
      if (runner !== "vitest") {
        return own.map(({ path, bundled, holds }): Batch => ({
          runner,
          files: [path],
          together: false,
          bundled: bundled.includes(runner),
          ...(holds !== undefined && { holds }),
        }));
      }
      const kinds = Map.groupBy(
        own,
        ({ slow, together, bundled, holds }) =>
          `${slow} ${together} ${bundled.includes(runner)} ${holds}`,
      );
      return [...kinds.values()].flatMap((alike) =>
        filled(
          alike.map(({ path }) => path),
          (path) => times[timeOf(runner, path)] ?? UNKNOWN,
        ).map((files): Batch => ({
          runner,
          files,
          together: alike[0]!.together,
          bundled: alike[0]!.bundled.includes(runner),
          ...(alike[0]!.holds !== undefined && { holds: alike[0]!.holds }),
        }))
      );
    },
  );
}

/** Puts files together, largest first, as long as they stay below `FILL`. */
function filled(
  paths: readonly string[],
  seconds: (path: string) => number,
): string[][] {
  const bins: { paths: string[]; left: number }[] = [];
  for (const path of paths.toSorted((a, b) => seconds(b) - seconds(a))) {
    const needs = seconds(path);
    const bin = bins.find(({ left }) => left >= needs);
    if (bin === undefined) bins.push({ paths: [path], left: FILL - needs });
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
