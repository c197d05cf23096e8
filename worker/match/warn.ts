/**
 * Warnings of the preloaded part.
 *
 * @module
 */

import process from "node:process";
import type { Core } from "../process/worker_core.ts";

/**
 * Writes a line to stderr, by the first worker of a pool alone: the others
 * would all say the same.
 */
export function warnOnce({ worker }: Core, text: string): void {
  if (worker.slot === 0 && worker.generation === 1) {
    process.stderr.write(`${text}\n`);
  }
}
