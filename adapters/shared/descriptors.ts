/**
 * File descriptors that are kept in reserve, so that a worker can be replaced
 * when clients or workers have used up all others.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";

/**
 * What a start takes at once, with its pipes and channel: 8 on Node 26.10, 9 on
 * Deno 2.9.5, 8 on Bun 1.4.4. Four stay in use while the worker lives; the rest
 * is for several starts before those of the workers before have come back.
 */
const RESERVE = 32;

/** How soon what is missing is asked for again, in ms. */
const REFILL_MS = 100;

const reserve: number[] = [];
let refilling: ReturnType<typeof setTimeout> | undefined;

/** Runs something with the reserve free for it: nothing else may come between. */
export function withReserve<T>(run: () => T): T {
  for (const fd of reserve.splice(0)) closeSync(fd);
  try {
    return run();
  } finally {
    refill();
  }
}

function refill(): void {
  clearTimeout(refilling);
  refilling = undefined;
  try {
    while (reserve.length < RESERVE) reserve.push(openSync("/dev/null", "r"));
  } catch {
    refilling = setTimeout(refill, REFILL_MS);
    refilling.unref();
  }
}
