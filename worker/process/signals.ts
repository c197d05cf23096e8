/**
 * The signals of a worker.
 *
 * @module
 */

import process from "node:process";
import { RUNTIME } from "./runtime.ts";

/** The exit code of a process that SIGINT ended: 128 and its number, as sh(1). */
const EXIT_SIGINT = 130;

/**
 * The supervisor's signals that would end a worker. It has a session of its
 * own, but what signals all processes of a service reaches it all the same
 * (`systemctl kill`, `pkill`). SIGTTIN and SIGTTOU stop no session of its own.
 */
const SUPERVISORS: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR2",
  ...RUNTIME.debugsBySignal ? [] : ["SIGUSR1" as const],
];

/** Node's own port for its debugger, unless told otherwise. */
const DEBUG_PORT = 9229;

/** Traps the signals of a worker of a pool: all but one are the supervisor's. */
export function trapSupervised(leave: () => void): void {
  // SIGUSR1 opens the debugger, by hand or for the stack of a worker that hangs:
  // one port for all workers would be the first one's.
  if (process.debugPort === DEBUG_PORT) process.debugPort = 0;
  for (const signal of SUPERVISORS) process.on(signal, () => {});
  process.on("SIGTERM", leave);
}

/**
 * Runs the program's own handlers of SIGUSR1, by which servers open log files
 * anew, without a signal: that would open a debugger on Node and Deno, and end a
 * program that has none. In a turn of its own: what a handler throws is the
 * program's.
 */
export function hearReopen(): void {
  setTimeout(() => process.emit("SIGUSR1", "SIGUSR1"), 0);
}

/** Traps the signals of a program run by hand; a second SIGINT ends it. */
export function trapStandalone(leave: () => void): void {
  let interrupted = false;
  process.on("SIGTERM", leave);
  process.on("SIGINT", () => {
    if (interrupted) process.exit(EXIT_SIGINT);
    interrupted = true;
    leave();
  });
}
