/** How patient tests are: the gate measures how slow its machine is. */

import process from "node:process";

/** A number from 1 by which waits grow; 1 without the gate (scripts/lib/pace.ts). */
const PACE = Number(process.env["TEST_PACE"] ?? 1);

/**
 * Milliseconds after which something has failed, on this machine. Only for what
 * a test gives up after: never for how long it does something.
 */
export function patience(ms: number): number {
  return ms * PACE;
}
