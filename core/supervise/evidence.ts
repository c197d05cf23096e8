/**
 * What a worker that does not answer does, in words: told from two looks at its
 * process, one when it first owed an answer and one at the end.
 *
 * @module
 */

import type { ProcessLook } from "../adapter/look.ts";

/** What was found out about a worker that does not answer. */
export interface Evidence {
  /** What it does, in words. */
  readonly why: string;
  /**
   * `stalled` when its event loop does not turn; `turns` when it has written
   * its row on the scoreboard all the while and only its channel is silent.
   */
  readonly loop: "stalled" | "turns";
  /** The state of its main thread, one letter as in proc_pid_stat(5). */
  readonly state?: string;
  /** CPU that all of its threads have used between the looks, in ms. */
  readonly cpu?: number;
  /** Time between the looks, in ms. */
  readonly watched?: number;
  /** Its memory, in bytes. */
  readonly rss?: number;
  /** Where its main thread sleeps in the kernel. */
  readonly wchan?: string;
  /** The system call that its main thread is in. */
  readonly syscall?: string;
  /**
   * The calls that its event loop is in, the innermost first; `unavailable`
   * where they cannot be known.
   */
  readonly stack?: string;
}

/** A look and when it was taken, in ms. */
export interface Glance {
  /** When. */
  readonly at: number;
  /** What was seen; undefined where the system shows nothing. */
  readonly look: ProcessLook | undefined;
}

/** More than this of the time that it could run is a loop that runs. */
const RUNS = 0.3;

/** Less of it, while it could run, is a worker that got no CPU. */
const STARVES = 0.05;

/**
 * More CPU in other threads than this part of the main thread's, and than so
 * many ms: V8 and JavaScriptCore collect garbage in several (240 % were seen at
 * the limit of V8's heap), and compile a new loop there, which is soon done.
 */
const COLLECTS = { part: 0.3, least: 100 } as const;

/**
 * Tells what a worker does.
 *
 * @param loop whether its event loop is known to turn
 */
export function evidenceOf(
  { at: from, look: before }: Glance,
  { at: to, look: now }: Glance,
  loop: Evidence["loop"],
): Evidence {
  const first = loop === "turns"
    ? "its event loop turns, but it reads nothing from its channel"
    : undefined;
  if (now === undefined) {
    return { why: first ?? "its event loop does not turn", loop };
  }
  const watched = Math.round(to - from);
  const same = before?.pid === now.pid ? before : undefined;
  const cpu = same && now.cpu - same.cpu;
  const { state, rss, wchan, syscall } = now;
  return {
    why: first ?? whatItDoes(now, watched, same),
    loop,
    state,
    ...(cpu !== undefined && { cpu, watched }),
    rss,
    ...(wchan !== undefined && { wchan }),
    ...(syscall !== undefined && { syscall }),
  };
}

function whatItDoes(
  now: ProcessLook,
  watched: number,
  before: ProcessLook | undefined,
): string {
  const { state, wchan, syscall } = now;
  switch (state) {
    case "T":
      return "it is stopped, as by SIGSTOP";
    case "t":
      return "a debugger holds it";
    case "D":
      return `it waits in the kernel and cannot be interrupted, as for a disk${
        wchan === undefined ? "" : ` (${wchan})`
      }`;
  }
  if (before !== undefined) {
    const main = now.mainCpu - before.mainCpu;
    const others = now.cpu - before.cpu - main;
    // On a busy machine it gets less of it than it could use.
    const possible = watched - (now.waited - before.waited);
    if (main >= RUNS * possible) {
      return others > Math.max(COLLECTS.part * main, COLLECTS.least)
        ? "it burns CPU in several threads, as a collection of garbage does that frees nothing"
        : "it runs code that does not come to an end";
    }
  }
  if (state === "R") return "it runs";
  return syscall === undefined
    ? "it waits, and not for its events"
    : `it waits in a system call, ${syscall}`;
}

/**
 * True for a worker that could have run and was not let: the machine is busy,
 * and one more start would make it no less so.
 */
export function isStarved(
  { at: from, look: before }: Glance,
  { at: to, look: now }: Glance,
): boolean {
  if (now?.state !== "R" || before?.pid !== now.pid) return false;
  const [waited, watched] = [now.waited - before.waited, to - from];
  return now.cpu - before.cpu < STARVES * watched && waited > watched / 2;
}
