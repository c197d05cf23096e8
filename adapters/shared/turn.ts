/**
 * How much of what one worker writes is taken before anything else has its
 * turn: timers, signals, and the other workers. A worker that writes for ever
 * must not have this process for itself.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/**
 * So much is taken in one turn of the event loop: a line or a message counts as
 * one, and so does each read. Handling one takes 2 to 20 us, so a turn is a few
 * ms; a turn itself takes some 20 us, which is little for so many.
 */
const PART = 256;

/** Waits for the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Counts what one source has had in this turn. */
export class Turn {
  #left = PART;

  /** Takes so much; true once the source has to wait for its next turn. */
  take(count: number): boolean {
    this.#left -= count;
    return this.#left <= 0;
  }

  /** Waits for that. */
  async next(): Promise<void> {
    await nextTurn();
    this.#left = PART;
  }
}
