/**
 * Reaps the processes that the first process of a system or container adopts:
 * those whose parents have ended. No runtime does, and each would stay a zombie
 * with its pid (wait(2)).
 *
 * Never another one: whoever reaps a child of the runtime's takes its status
 * away from whoever waits for it.
 *
 * @module
 */

import process from "node:process";
import { openLibc } from "../../libc/open.ts";
import { messageOf } from "../../core/errors.ts";
import { listProc, statOf } from "./proc.ts";

/** How often is looked, in ms: a zombie costs nothing but its pid. */
const LOOK_MS = 1000;

/** WNOHANG of waitpid(2). */
const WITHOUT_WAITING = 1;

/** The pids of workers that run, which the runtime reaps. */
const workers = new Set<number>();

/** Leaves a process to the runtime, until disposed. */
export function leftToRuntime(pid: number): Disposable {
  workers.add(pid);
  return { [Symbol.dispose]: () => void workers.delete(pid) };
}

/**
 * Begins to reap, where this is the first process.
 *
 * @returns what ends it, or why it cannot be done; undefined where nothing is
 * adopted
 */
export function reapOrphans(): Disposable | string | undefined {
  if (process.pid !== 1) return undefined;
  try {
    const libc = openLibc();
    let before: ReadonlySet<string> = new Set();
    const timer = setInterval(() => {
      before = reapSeen(before, (pid) => {
        libc.waitpid(pid, 0, WITHOUT_WAITING);
      });
    }, LOOK_MS);
    timer.unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Reaps what has been a zombie at the look before. The runtime has reaped a
 * child of its own by then, also one that the program around it has started:
 * its loop has turned in between.
 *
 * @returns the zombies that are left, for the next look
 */
function reapSeen(
  before: ReadonlySet<string>,
  reap: (pid: number) => void,
): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const name of listProc("/proc")) {
    const pid = Number(name);
    if (!(pid > 1) || workers.has(pid)) continue;
    const stat = statOf(pid);
    if (stat?.parent !== process.pid || stat.state !== "Z") continue;
    const key = `${pid} ${stat.start}`;
    if (before.has(key)) reap(pid);
    else seen.add(key);
  }
  return seen;
}
