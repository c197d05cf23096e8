/** A cgroup of a test's own, where this user may make one. */

import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { memoryGroupOf } from "../adapters/shared/cgroup.ts";
import { readProc } from "../adapters/shared/proc.ts";
import { until } from "./command.ts";

/** A cgroup with a limit. */
export interface MemoryCgroup extends AsyncDisposable {
  /** Runs a command line within it. */
  command(line: readonly string[]): [string, ...string[]];
}

/** Makes one below this process' own; a sentence says why it cannot be. */
export function memoryCgroup(bytes: number): MemoryCgroup | string {
  const own = memoryGroupOf(readProc);
  if (own === undefined) return "no memory is counted by cgroup here";
  const path = `${own.path}/prefork-test-${process.pid}-${Date.now()}`;
  try {
    mkdirSync(path);
  } catch (error) {
    return `no cgroup can be made here: ${(error as Error).message}`;
  }
  try {
    const limit = ["memory.max", "memory.limit_in_bytes"]
      .find((name) => existsSync(`${path}/${name}`));
    // Version 2: nobody has put "memory" into cgroup.subtree_control.
    if (limit === undefined) throw new Error("it has no controller of memory");
    writeFileSync(`${path}/${limit}`, String(bytes));
    const swap = `${path}/memory.swap.max`;
    if (existsSync(swap)) writeFileSync(swap, "0");
  } catch (error) {
    rmdirSync(path);
    return `no cgroup can be limited here: ${(error as Error).message}`;
  }
  return {
    command: (line) => [
      "/bin/sh",
      "-c",
      `echo $$ > ${path}/cgroup.procs && exec "$@"`,
      "sh",
      ...line,
    ],
    [Symbol.asyncDispose]: () =>
      until(() => {
        try {
          rmdirSync(path);
          return true;
        } catch {
          return false; // who was in it has not quite ended
        }
      }, `${path} is empty`),
  };
}
