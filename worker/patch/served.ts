/**
 * Whether the program has done what the pool waits for.
 *
 * @module
 */

import type { Core } from "../process/worker_core.ts";

/** True once a listener of the pool is served, or about to be. */
export function isServed({ worker, attachments }: Core): boolean {
  return [...worker.listeners.keys()].some((name) => attachments.has(name));
}
