/**
 * SIGKILL for all that a worker has started, and not for the worker alone: a
 * child that outlives its wrapper would keep the pool's sockets and serve an
 * old program.
 *
 * @module
 */

import process from "node:process";
import type { Signal } from "../../core/adapter.ts";

/**
 * Sends a signal to a worker that has not been reaped. SIGKILL goes to its
 * process group, which has its pid since it has a session of its own
 * ({@linkcode OWN_SESSION}); what has made itself a session is not hit.
 *
 * @param kill sends it to the one process
 * @returns false when it is gone
 */
export function signalWorker(
  pid: number,
  signal: Signal,
  kill: (signal: Signal) => boolean,
): boolean {
  // -1 would be everybody, 0 and -0 this process' own group.
  if (signal === "SIGKILL" && pid > 1) {
    try {
      return process.kill(-pid, signal);
    } catch {
      // There is no such group: it has not been made, or all of it is gone.
    }
  }
  try {
    return kill(signal);
  } catch {
    return false;
  }
}
