/**
 * How a process has ended.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";

/**
 * Whoever does not trap SIGTERM ends by it, as asked. Handlers of it may exit
 * with the code that sh(1) gives to such an end.
 */
export function isClean({ code, signal }: ExitStatus): boolean {
  return code === 0 || code === EXIT_SIGTERM || signal === "SIGTERM";
}

/** 128 and the number of SIGTERM. */
const EXIT_SIGTERM = 143;
