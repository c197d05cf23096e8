/**
 * A worker as one who can be given connections.
 *
 * @module
 */

import type { Connection } from "../adapter.ts";
import type { Candidate } from "./placement.ts";

/** Someone who can be given connections. */
export interface Taker extends Candidate {
  /**
   * How many messages it has not read yet. It gets no connection meanwhile:
   * Deno 2.9.5 loses one whose frame it reads together with a message before.
   */
  readonly unread: number;
  /** True when it takes connections of a listener. */
  serves(listener: string): boolean;
  /**
   * Sends a connection; false when the worker is already gone.
   *
   * @param head what was read of it here, one character per byte
   * @param onSettled told whether it has arrived
   */
  give(
    listener: string,
    id: number,
    connection: Connection,
    head: string | undefined,
    onSettled: (taken: boolean) => void,
  ): boolean;
}

/** True when a worker has read everything and takes connections of a listener. */
export function isFree(taker: Taker, listener: string): boolean {
  return taker.unread === 0 && taker.serves(listener);
}

/** Those of some workers that are free for a listener, in the same order. */
export function* freeOnes(
  takers: Iterable<Taker>,
  listener: string,
): Generator<Taker> {
  for (const taker of takers) if (isFree(taker, listener)) yield taker;
}
