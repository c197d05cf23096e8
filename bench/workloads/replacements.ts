/**
 * Whether the supervisor grows while its workers are replaced.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { cleanEnv, commandOn, type Runtime } from "../../tests/runtimes.ts";
import { BOTH_CPUS, outputOf } from "../clients/taskset.ts";

/** How long one replacement may take, in ms. */
const TIMEOUT_MS = 300;

/** Growth of memory in the second half that is the allocator's, in MiB. */
const SLACK_MIB = 8;

/** Growth of the used heap in the second half that is compiled code's, in MiB. */
const HEAP_SLACK_MIB = 0.5;

/**
 * V8 lets its young generation grow to 16 MiB and more before it collects,
 * which would hide what stays. So it is kept small, and collected by hand.
 */
const V8_FLAGS = ["--expose-gc", "--max-semi-space-size=1"];

const SUPERVISOR = new URL("../servers/replacing.ts", import.meta.url);

/** The supervisor after so many replacements. */
export interface Sample {
  /** Workers replaced so far. */
  readonly replaced: number;
  /** Its open file descriptors. */
  readonly fds: number;
  /** Its memory, in bytes. */
  readonly rss: number;
  /** Its used heap after a collection, in bytes. */
  readonly heap: number;
}

/** Replaces so many workers of a supervisor on a runtime. */
export async function measureReplacements(
  runtime: Runtime,
  share: "shared" | "sharded",
  count: number,
): Promise<readonly Sample[]> {
  const output = await outputOf(
    BOTH_CPUS,
    commandOf(runtime),
    20_000 + count * TIMEOUT_MS,
    cleanEnv({ REPLACEMENTS: String(count), REPLACEMENTS_SHARE: share }),
  );
  return output.trim().split("\n").map((line) => JSON.parse(line) as Sample);
}

function commandOf(runtime: Runtime): string[] {
  const command = commandOn(runtime, fileURLToPath(SUPERVISOR));
  switch (runtime) {
    case "node":
      return command.toSpliced(1, 0, ...V8_FLAGS);
    case "deno":
      return command.toSpliced(2, 0, `--v8-flags=${V8_FLAGS.join(",")}`);
    case "bun":
      return command;
  }
}

/** Why the samples show growth, or undefined when they do not. */
export function growth(samples: readonly Sample[]): string | undefined {
  // Not the first one: a runtime opens some files when it first needs them.
  const half = samples.slice(1, Math.floor(samples.length / 2) + 1);
  const fds = Math.max(...half.map((sample) => sample.fds));
  const middle = samples[Math.floor(samples.length / 2)]!;
  const last = samples.at(-1)!;
  if (last.fds > fds) {
    return `${last.fds - fds} file descriptors more in the second half`;
  }
  // The first half warms up: code is compiled and the heap finds its size.
  const grown = (last.rss - middle.rss) / 2 ** 20;
  const heap = (last.heap - middle.heap) / 2 ** 20;
  if (heap > HEAP_SLACK_MIB) {
    return `${heap.toFixed(1)} MiB more heap in the second half`;
  }
  return grown > SLACK_MIB
    ? `${grown.toFixed(1)} MiB more in the second half`
    : undefined;
}
