/**
 * One process as the kernel tells of it in a line: proc_pid_stat(5).
 *
 * @module
 */

import type { ReadProc } from "./proc_net.ts";

/** What is used of the line. */
export interface ProcStat {
  /** R runs, S sleeps, D waits for a disk, T is stopped, Z has ended. */
  readonly state: string;
  /** Its parent's pid. */
  readonly parent: number;
  /** Its process group. */
  readonly group: number;
  /** Its session. */
  readonly session: number;
  /** True once it runs nothing of its program any more: PF_EXITING. */
  readonly exiting: boolean;
  /** The CPU time it has used, in ticks of 10 ms. */
  readonly cpu: number;
  /**
   * When it began, in ticks since the machine did: a pid may be given to
   * another process once its process has been reaped, a pid and this may not.
   */
  readonly start: number;
}

/** Of the flags, field 9: include/linux/sched.h, the same since Linux 2.6. */
const PF_EXITING = 0x4;

/** Reads the line of a process; undefined where there is none. */
export function procStat(
  pid: number,
  read: ReadProc,
): ProcStat | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Reads a line; the name in brackets, field 2, may hold anything. */
export function parseStat(text: string): ProcStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (field: number): number => Number(fields[field - 3]);
  return {
    state: fields[0] ?? "",
    parent: number(4),
    group: number(5),
    session: number(6),
    exiting: (number(9) & PF_EXITING) !== 0,
    cpu: number(14) + number(15),
    start: number(22),
  };
}
