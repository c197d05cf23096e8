/**
 * How many CPUs this process may use: fewer than the machine has, under an
 * affinity mask or in a container.
 *
 * @module
 */

import { ancestors, membershipsOf, type ReadText, V2_ROOTS } from "./cgroup.ts";

/**
 * The CPUs that affinity and the CPU quota of the own cgroup and its ancestors
 * grant; a part of a CPU counts as one. At least 1.
 *
 * @param parallelism what the runtime counts
 * @param read reads a file of /proc or /sys
 */
export function grantedCpus(parallelism: number, read: ReadText): number {
  const affinity = allowedCpus(read("/proc/self/status") ?? "");
  const granted = Math.min(parallelism, affinity, Math.ceil(quota(read)));
  return Math.max(1, granted);
}

/**
 * CPUs by their numbers: those of the own affinity, or all that run (proc(5),
 * sysfs(5)).
 */
export function cpuList(
  which: "granted" | "online",
  read: ReadText,
): string | undefined {
  if (which === "online") return read("/sys/devices/system/cpu/online")?.trim();
  const status = read("/proc/self/status") ?? "";
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
}

/** Counts the bits of `Cpus_allowed` (proc_pid_status(5)). */
function allowedCpus(status: string): number {
  const mask = /^Cpus_allowed:\s*([0-9a-f,]+)$/m.exec(status)?.[1];
  if (mask === undefined) return Infinity;
  let count = 0;
  for (const digit of mask.replaceAll(",", "")) {
    for (let bits = parseInt(digit, 16); bits > 0; bits >>= 1) {
      count += bits & 1;
    }
  }
  return count;
}

function quota(read: ReadText): number {
  const quotas = membershipsOf(read).flatMap(({ version, controllers, path }) =>
    version === 2
      ? V2_ROOTS.flatMap((root) =>
        ancestors(path).map((each) => v2(read(`${root}${each}/cpu.max`)))
      )
      : controllers.includes("cpu")
      ? ancestors(path).map((each) => v1(`/sys/fs/cgroup/cpu${each}`, read))
      : []
  );
  return Math.min(...quotas);
}

/** "100000 50000" in `cpu.max`: at most so many microseconds per period. */
function v2(text: string | undefined): number {
  const [max, period] = (text ?? "").trim().split(" ").map(Number);
  return max! > 0 && period! > 0 ? max! / period! : Infinity;
}

function v1(directory: string, read: ReadText): number {
  const max = Number(read(`${directory}/cpu.cfs_quota_us`));
  const period = Number(read(`${directory}/cpu.cfs_period_us`));
  return max > 0 && period > 0 ? max / period : Infinity;
}
