/**
 * The signals of a worker.
 *
 * @module
 */

import process from "node:process";

/** The exit code of a process that SIGINT ended: 128 and its number, as sh(1). */
const EXIT_SIGINT = 130;

/**
 * Traps the signals of a worker of a pool. The terminal sends SIGINT to the
 * whole group on Ctrl-C, and the supervisor alone decides what that means.
 */
export function trapSupervised(leave: () => void): void {
  process.on("SIGINT", () => {});
  process.on("SIGTERM", leave);
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
