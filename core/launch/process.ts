/**
 * What a worker's process gets that only the process itself can take: a mask, a
 * niceness, CPUs, a user. Commands of the system take it before they become the
 * program (umask of sh, nice(1), taskset(1), setpriv(1)): from its first
 * instruction, with all of its threads, the same on every runtime and for
 * programs in other languages.
 * setpriority(2) and sched_setaffinity(2) from outside would be late for threads
 * that are there already.
 *
 * @module
 */

import { PreforkError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { UserConfig } from "../options/user.ts";
import { accountOf } from "./user.ts";
import {
  type CpuRange,
  parseCpus,
  type ProcessConfig,
} from "../options/process.ts";

/** What is asked for. */
type Wanted =
  & Pick<ProcessConfig, "umask" | "nice" | "cpuAffinity">
  & UserConfig;

/** What is asked of the machine. */
type Machine = Pick<Host, "which" | "cpuList" | "real" | "text">;

/**
 * The words in front of the command of the worker of a slot; none where nothing
 * is asked for.
 *
 * @throws {TypeError} when this process cannot have workers run as that user
 * @throws {PreforkError} `ERR_SPAWN` when a command that it takes is not there
 */
export function processPrefix(
  { umask, nice, cpuAffinity, user, group }: Wanted,
  slot: number,
  host: Machine,
): string[] {
  const words: string[] = [];
  if (umask !== undefined) {
    const mask = umask.toString(8).padStart(4, "0");
    const script = `umask ${mask}; exec "$@"`;
    words.push(toolFor("umask", "sh", host), "-c", script, "sh");
  }
  if (nice > 0) words.push(toolFor("nice", "nice", host), "-n", String(nice));
  if (cpuAffinity !== undefined) {
    const { from, to } = cpusOf(cpuAffinity, slot, host);
    const cpus = from === to ? String(from) : `${from}-${to}`;
    words.push(toolFor("cpuAffinity", "taskset", host), "-c", cpus);
  }
  // The last one: the others may need what it gives up.
  return [...words, ...accountOf({ user, group }, host)?.prefix ?? []];
}

/**
 * Looks whether workers can have what is asked for.
 *
 * @throws {RangeError} when this machine has no such CPU
 * @throws {TypeError} when this process cannot have workers run as that user
 * @throws {PreforkError} `ERR_SPAWN` when a command that it takes is not there,
 * or it cannot be seen which CPUs there are
 */
export function checkProcessPrefix(wanted: Wanted, host: Machine): void {
  processPrefix(wanted, 0, host);
  const { cpuAffinity } = wanted;
  const online = host.cpuList("online");
  if (typeof cpuAffinity !== "object" || online === undefined) return;
  const there = eachOf(parseCpus(online) ?? []);
  const missing = eachOf(cpuAffinity).find((cpu) => !there.includes(cpu));
  if (missing === undefined) return;
  throw new RangeError(
    `Cannot use CPU ${missing} for "cpuAffinity": this machine has ${online}`,
  );
}

/** What a slot may run on. */
function cpusOf(
  wanted: "auto" | readonly CpuRange[],
  slot: number,
  host: Machine,
): CpuRange {
  if (wanted !== "auto") return wanted[slot % wanted.length]!;
  const cpus = eachOf(parseCpus(host.cpuList("granted") ?? "") ?? []);
  const cpu = cpus[slot % cpus.length];
  if (cpu !== undefined) return { from: cpu, to: cpu };
  throw new PreforkError(
    "ERR_SPAWN",
    `Cannot use "auto" for "cpuAffinity": it cannot be seen which CPUs there are, write them as in 0,1,2,3`,
  );
}

function eachOf(ranges: readonly CpuRange[]): number[] {
  return ranges.flatMap(({ from, to }) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i)
  );
}

/** Packages that have the commands, as Debian and Fedora call them. */
const PACKAGES = { sh: "dash", nice: "coreutils", taskset: "util-linux" };

function toolFor(
  option: "umask" | "nice" | "cpuAffinity",
  name: keyof typeof PACKAGES,
  host: Machine,
): string {
  const found = host.which(name);
  if (found !== undefined) return found;
  throw new PreforkError(
    "ERR_SPAWN",
    `Cannot use "${option}": there is no "${name}" in PATH, which starts workers with it, install it (${
      PACKAGES[name]
    }, or BusyBox) or leave the option out`,
  );
}
