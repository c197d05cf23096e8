/**
 * The processes of this machine that have not ended, from proc(5): one look at
 * all of them serves whoever asks soon after.
 *
 * @module
 */

import process from "node:process";
import { codeOf } from "../../core/errors.ts";
import { type ProcStat, procStat } from "../../libc/proc_stat.ts";
import { listProc, readProc } from "./proc.ts";

/** A process that runs, or can. */
export interface Living extends Pick<ProcStat, "group" | "session" | "state"> {
  /** Its id. */
  readonly pid: number;
}

/** For how long one look serves others, in ms. */
const FRESH = 100;

/** What is asked of proc(5), as `proc.ts` reads it. */
export interface ProcessFiles {
  /** The names in a directory. */
  list(path: string): readonly string[];
  /** The text of a file. */
  read(path: string): string | undefined;
}

/** Looks at processes. */
export class LivingProcesses {
  readonly #files: ProcessFiles;
  #seen: readonly Living[] = [];
  #seenAt = -Infinity;

  /** Has not looked yet. */
  constructor(files: ProcessFiles) {
    this.#files = files;
  }

  /** Those of a session (setsid(2)), as they were up to 0.1 s ago. */
  ofSession(session: number): readonly Living[] {
    const isOne = (each: Living): boolean => each.session === session;
    const stale = performance.now() - this.#seenAt > FRESH;
    const found = stale ? [] : this.#seen.filter(isOne);
    // One that has just begun was not there yet.
    return found.length > 0 ? found : this.#look().filter(isOne);
  }

  /** Those of a process group, as they are now. */
  ofGroup(group: number): readonly Living[] {
    // Most leave nothing, and to look at all processes takes its time.
    if (isGone(group)) return [];
    return this.#look().filter((each) => each.group === group);
  }

  /** The same, of those that were there before: others may have come. */
  ofThose(before: readonly Living[]): readonly Living[] {
    return before.filter(({ pid, group }) =>
      this.#living(pid)?.group === group
    );
  }

  #look(): readonly Living[] {
    this.#seenAt = performance.now();
    return this.#seen = this.#files.list("/proc").flatMap((name) =>
      this.#living(Number(name)) ?? []
    );
  }

  #living(pid: number): Living | undefined {
    const stat = pid > 0 ? procStat(pid, this.#files.read) : undefined;
    // What only waits to be reaped is no process any more.
    if (stat === undefined || stat.exiting || stat.state === "Z") return;
    const { group, session, state } = stat;
    return { pid, group, session, state };
  }
}

/** Those of this machine. */
export const processes: LivingProcesses = new LivingProcesses({
  list: listProc,
  read: readProc,
});

function isGone(group: number): boolean {
  try {
    process.kill(-group, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}
