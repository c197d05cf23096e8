/**
 * How many CPUs this process may use: fewer than the machine has, under an
 * affinity mask or in a container.
 *
 * @module
 */

/** Reads a file, or nothing. */
export type ReadText = (file: string) => string | undefined;

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
  let least = Infinity;
  // hierarchy-ID:controller-list:path, see cgroups(7)
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [id, controllers = "", ...rest] = line.split(":");
    const path = rest.join(":");
    if (id === "0" && controllers === "") {
      for (const each of ancestors(path)) {
        least = Math.min(least, v2(read(`/sys/fs/cgroup${each}/cpu.max`)));
        // Where both versions are mounted, the second has its own place.
        least = Math.min(
          least,
          v2(read(`/sys/fs/cgroup/unified${each}/cpu.max`)),
        );
      }
    } else if (controllers.split(",").includes("cpu")) {
      for (const each of ancestors(path)) {
        least = Math.min(least, v1(`/sys/fs/cgroup/cpu${each}`, read));
      }
    }
  }
  return least;
}

/** "/a/b" gives "/a/b", "/a" and "". */
function ancestors(path: string): string[] {
  // A path with ".." lies outside of what this process can see: begin at top.
  if (path.includes("..")) return [""];
  const parts = path.split("/").filter((part) => part !== "");
  return [...parts.keys(), parts.length].reverse()
    .map((count) => parts.slice(0, count).map((part) => `/${part}`).join(""));
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
