/**
 * What Linux tells about a process (proc(5)).
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";

/** The memory of a process that is in RAM, in MiB. */
export function rssOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? NaN) / 1024;
}

/**
 * The CPU time that the threads of a process have had, in ms. From schedstat,
 * which counts nanoseconds: utime and stime of `stat` come in steps of 10 ms.
 */
export function cpuOf(pid: number): number {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8");
    nanoseconds += Number(stat.split(" ")[0]);
  }
  return nanoseconds / 1e6;
}
