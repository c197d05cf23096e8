/**
 * Counts the requests that this process has begun, where the pool recycles
 * workers by their number.
 *
 * @module
 */

import type { FromWorker } from "../../core/protocol.ts";

/** Both of two functions, where there are two. */
export function both(
  one: (() => void) | undefined,
  other: (() => void) | undefined,
): (() => void) | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return () => {
    one();
    other();
  };
}

/**
 * Makes what is called for each request; undefined where nobody counts.
 *
 * @param limit how many it may begin before it tells the supervisor, once
 */
export function countRequests(
  limit: number | undefined,
  tell: (message: FromWorker) => unknown,
): (() => void) | undefined {
  if (limit === undefined) return undefined;
  let count = 0;
  return () => {
    if (++count === limit) tell({ type: "spent", count });
  };
}
