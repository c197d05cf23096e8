/**
 * What the bench needs of the machine.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import process from "node:process";

/** Why the bench cannot run here, in one line; undefined when it can. */
function missing(): string | undefined {
  if (process.platform !== "linux") {
    return `the bench reads /proc and pins CPUs, which ${process.platform} cannot: run it on Linux`;
  }
  if (!runs("wrk", ["-v"])) {
    return "wrk is not installed: apt-get install wrk";
  }
  if (!runs("taskset", ["-V"])) {
    return "taskset is not installed: apt-get install util-linux";
  }
  if (availableParallelism() < 2 || !runs("taskset", ["-c", "0,1", "true"])) {
    return "pool and client need a CPU each: run it where CPUs 0 and 1 may be used";
  }
  return undefined;
}

function runs(file: string, args: readonly string[]): boolean {
  // wrk -v exits with 1, so only a failed start counts, except for taskset.
  const { error, status } = spawnSync(file, args, { stdio: "ignore" });
  return error === undefined && (file === "wrk" || status === 0);
}

/** True where the bench can run; says on stderr what is missing otherwise. */
export function canRun(): boolean {
  const problem = missing();
  if (problem !== undefined) process.stderr.write(`bench: ${problem}\n`);
  return problem === undefined;
}
