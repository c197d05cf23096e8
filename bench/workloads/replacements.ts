/**
 * Whether the supervisor grows while its workers are replaced.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import {
  binary,
  cleanEnv,
  type Runtime,
  runtimeArgs,
} from "../../tests/runtimes.ts";
import { BOTH_CPUS, outputOf } from "../clients/taskset.ts";

/** How long one replacement may take, in ms. */
const TIMEOUT_MS = 300;

/** Growth of memory in the second half that is the allocator's, in MiB. */
const SLACK_MIB = 4;

const SUPERVISOR = new URL("../servers/replacing.ts", import.meta.url);

/** The supervisor after so many replacements. */
export interface Sample {
  /** Workers replaced so far. */
  readonly replaced: number;
  /** Its open file descriptors. */
  readonly fds: number;
  /** Its memory, in bytes. */
  readonly rss: number;
}

/** Replaces so many workers of a supervisor on a runtime. */
export async function measureReplacements(
  runtime: Runtime,
  share: "shared" | "sharded",
  count: number,
): Promise<readonly Sample[]> {
  const output = await outputOf(
    BOTH_CPUS,
    [binary(runtime), ...runtimeArgs(runtime, fileURLToPath(SUPERVISOR))],
    20_000 + count * TIMEOUT_MS,
    cleanEnv({ REPLACEMENTS: String(count), REPLACEMENTS_SHARE: share }),
  );
  return output.trim().split("\n").map((line) => JSON.parse(line) as Sample);
}

/** Why the samples show growth, or undefined when they do not. */
export function growth(samples: readonly Sample[]): string | undefined {
  // Not the very first: a runtime opens some files when it first needs them.
  const first = samples[1]!;
  const middle = samples[Math.floor(samples.length / 2)]!;
  const last = samples.at(-1)!;
  if (last.fds > first.fds) {
    return `${last.fds - first.fds} file descriptors more`;
  }
  // The first half warms up: code is compiled and the heap finds its size.
  const grown = (last.rss - middle.rss) / 2 ** 20;
  return grown > SLACK_MIB
    ? `${grown.toFixed(1)} MiB more in the second half`
    : undefined;
}
