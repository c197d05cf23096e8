/**
 * What a process does at this moment, from proc(5) of Linux.
 *
 * @module
 */

import type { ProcessLook } from "../../core/look.ts";
import type { Proc } from "../../libc/proc.ts";
import { syscallIn } from "./syscall.ts";

/** USER_HZ of the kernel, the same on all that runtimes run on. */
const TICK_MS = 10;

/** What is read of /proc/PID/status. */
const RSS = /^VmRSS:\s+(\d+) kB$/m;
const DUMPS = /^CoreDumping:\s+1$/m;

/**
 * Looks at a process; undefined where the system does not show it.
 *
 * @param proc reads proc(5)
 */
export function lookAt(pid: number, proc: Proc): ProcessLook | undefined {
  const read = (name: string): string | undefined => {
    try {
      return proc.read(`/proc/${pid}/${name}`);
    } catch {
      return undefined;
    }
  };
  const whole = statIn(read("stat"));
  const main = statIn(read(`task/${pid}/stat`));
  if (whole === undefined || main === undefined) return undefined;
  const wchan = read("wchan");
  const status = read("status") ?? "";
  const syscall = syscallIn(read("syscall"), (fd) => {
    try {
      return proc.link(`/proc/${pid}/fd/${fd}`);
    } catch {
      return undefined;
    }
  });
  return {
    pid,
    state: main.state,
    session: whole.session,
    cpu: whole.cpu,
    mainCpu: main.cpu,
    // Nanoseconds on a CPU, nanoseconds that it waited for one, and how often.
    waited: Number(read("schedstat")?.split(" ")[1] ?? 0) / 1e6,
    rss: Number(RSS.exec(status)?.[1] ?? 0) * 1024,
    dumps: DUMPS.test(status),
    ...(wchan !== undefined && wchan !== "" && wchan !== "0" && { wchan }),
    ...(syscall !== undefined && { syscall }),
  };
}

/** proc_pid_stat(5): the name in brackets may hold anything. */
function statIn(
  text: string | undefined,
): { state: string; session: number; cpu: number } | undefined {
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields === undefined) return undefined;
  // From field 3 on: state ppid pgrp session .. utime (14) stime (15).
  return {
    state: fields[0]!,
    session: Number(fields[3]),
    cpu: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
  };
}
