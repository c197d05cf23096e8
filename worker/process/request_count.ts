/**
 * Counts the requests that this process has begun: for whoever asks the pool,
 * and where it recycles workers by their number.
 *
 * @module
 */

import type { FromWorker } from "../../core/protocol.ts";

/** The requests of this process. */
export interface RequestCount {
  /** How many were begun; undefined while no server of it can count them. */
  readonly count: number | undefined;
  /**
   * A server counts from now on: what it is to call for each request, which
   * costs an increment.
   */
  counter(): () => void;
  /**
   * The same for each connection, where the protocol is unknown: it is no
   * request, but counts where workers are recycled by their number, and is
   * something that was begun. Undefined where neither matters.
   */
  readonly connected: (() => void) | undefined;
  /** Calls back at the next request, once. */
  atNext(call: () => void): void;
}

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
 * Makes the count of this process.
 *
 * @param limit how many it may begin before it tells the supervisor, once;
 * undefined where that does not matter
 * @param touch called for each that is begun
 */
export function countRequests(
  limit: number | undefined,
  tell: (message: FromWorker) => unknown,
  touch?: () => void,
): RequestCount {
  let counts = false;
  let count = 0;
  let next: (() => void) | undefined;
  let spent = 0;
  const limited = limit === undefined ? undefined : (): void => {
    if (++spent === limit) tell({ type: "spent", count: spent });
  };
  const connected = both(limited, touch);
  const begun = (): void => {
    count++;
    if (next === undefined) return;
    const call = next;
    next = undefined;
    call();
  };
  return {
    get count() {
      return counts ? count : undefined;
    },
    counter() {
      counts = true;
      return both(begun, connected)!;
    },
    connected,
    atNext: (call) => void (next = call),
  };
}
