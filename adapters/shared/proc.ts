/**
 * Reads proc(5) as far as this process may: nothing here throws, and what
 * cannot be read is not there.
 *
 * @module
 */

import process from "node:process";
import { libcHere } from "../../libc/open.ts";
import { openProc, type Proc, PROC_BY_FILES } from "../../libc/proc.ts";
import { inodeIn } from "../../libc/proc_net.ts";
import { type ProcStat, procStat } from "../../libc/proc_stat.ts";

export { nameProcess } from "../../libc/names.ts";

let opened: Proc | undefined;

/** Deno wants `--allow-all` for /proc, and libc does not. */
function proc(): Proc {
  if (opened !== undefined) return opened;
  const libc = process.versions["deno"] === undefined ? undefined : libcHere();
  return opened = libc === undefined ? PROC_BY_FILES : openProc(libc);
}

/** The text of a file; undefined where it cannot be read. */
export function readProc(path: string): string | undefined {
  try {
    return proc().read(path);
  } catch {
    return undefined;
  }
}

/** The names in a directory; none where it cannot be read. */
export function listProc(path: string): string[] {
  try {
    return proc().list(path);
  } catch {
    return [];
  }
}

/** The target of a link; undefined where it cannot be read. */
export function linkProc(path: string): string | undefined {
  try {
    return proc().link(path);
  } catch {
    return undefined;
  }
}

/** The inode of a socket of this process; undefined for any other file. */
export function inodeAt(fd: number): number | undefined {
  return inodeIn(linkProc(`/proc/self/fd/${fd}`));
}

/** The line of a process; undefined where there is none. */
export function statOf(pid: number): ProcStat | undefined {
  return procStat(pid, readProc);
}
