/**
 * What a process does at this moment, from proc(5) of Linux.
 *
 * @module
 */

import type { ProcessLook } from "../../core/adapter/look.ts";
import { parseStat } from "../../libc/proc_stat.ts";
import { linkProc, readProc, statOf } from "./proc.ts";
import { syscallIn } from "./syscall.ts";

/** USER_HZ of the kernel, the same on all that runtimes run on. */
export const TICK_MS = 10;

/** What is read of /proc/PID/status; in kB whatever a page has, unlike statm. */
const RSS = /^VmRSS:\s+(\d+) kB$/m;
const DUMPS = /^CoreDumping:\s+1$/m;

/** The memory of a process, or this one, in bytes; undefined where not shown. */
export function rssOf(pid: number | "self" = "self"): number | undefined {
  return rssIn(readProc(`/proc/${pid}/status`));
}

function rssIn(status = ""): number | undefined {
  const kib = RSS.exec(status)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** Looks at a process; undefined where the system does not show it. */
export function lookAt(pid: number): ProcessLook | undefined {
  const read = (name: string): string | undefined =>
    readProc(`/proc/${pid}/${name}`);
  const whole = statOf(pid);
  const thread = read(`task/${pid}/stat`);
  if (whole === undefined || thread === undefined) return undefined;
  const main = parseStat(thread);
  const status = read("status") ?? "";
  const wchan = read("wchan");
  const syscall = syscallIn(
    read("syscall"),
    (fd) => linkProc(`/proc/${pid}/fd/${fd}`),
  );
  return {
    pid,
    state: main.state,
    session: whole.session,
    cpu: whole.cpu * TICK_MS,
    mainCpu: main.cpu * TICK_MS,
    // Nanoseconds on a CPU, nanoseconds that it waited for one, and how often.
    waited: Number(read("schedstat")?.split(" ")[1] ?? 0) / 1e6,
    rss: rssIn(status) ?? 0,
    dumps: DUMPS.test(status),
    ...(wchan !== undefined && wchan !== "" && wchan !== "0" && { wchan }),
    ...(syscall !== undefined && { syscall }),
  };
}
