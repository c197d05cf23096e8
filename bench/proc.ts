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

/** The unit of times in `stat`, in ms: USER_HZ is 100 on every architecture. */
const TICK_MS = 10;

/**
 * The CPU time that a process has had, in ms, with that of threads that have
 * ended. In steps of 10 ms, and sampled where the kernel does not count exactly.
 */
export function cpuWithEndedOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, in parentheses, may have spaces: what counts comes after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime are fields 14 and 15, and the first of these is field 3.
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/**
 * The CPU time that the living threads of a process have had, in ms. From schedstat,
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

/** The memory of a process in MiB, where a shared page counts by its part. */
export function pssOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? NaN) / 1024;
}

/** A process and all that it has started, itself first. */
export function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = fieldsOf(Number(name))?.[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const tree = new Set([root]);
  for (const above of tree) {
    for (const [pid, parent] of parents) if (parent === above) tree.add(pid);
  }
  return [...tree];
}

/**
 * The CPU time of a process with that of its children that have ended and were
 * waited for, in ms; 0 when it has ended itself. Exact for what lives: a start
 * is a few steps of the 10 ms in which `stat` counts.
 */
export function cpuWithReapedOf(pid: number): number {
  const fields = fieldsOf(pid);
  if (fields === undefined) return 0;
  // utime, stime, cutime, cstime: fields 14 to 17.
  const [user = 0, system = 0, ...reaped] = fields.slice(11, 15).map((ticks) =>
    Number(ticks) * TICK_MS
  );
  // The steps are rounded down, and have threads that are gone.
  const own = Math.max(user + system, livingOf(pid));
  return reaped.reduce((sum, ms) => sum + ms, own);
}

function livingOf(pid: number): number {
  try {
    return cpuOf(pid);
  } catch {
    // A thread has ended just now.
    return 0;
  }
}

/** The fields of `stat` from the third one on; undefined when it has ended. */
function fieldsOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
