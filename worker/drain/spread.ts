/**
 * Spreads the ending of long connections over the time of a drain. Their
 * clients reconnect at once, and thousands of them in one moment would hit the
 * workers that are left.
 *
 * @module
 */

/** The clock and the dice of a spread, so that tests need not wait. */
export interface Pace {
  /** The present, in ms. */
  now(): number;
  /** Calls back in so many ms; returns what forgets about it. */
  after(ms: number, call: () => void): () => void;
  /** A number from 0 up to, not including, 1. */
  random(): number;
}

/** The ending of many things, one after the other. */
export interface Spread<T> {
  /** Puts something that began during the drain at the end. Never at once. */
  add(item: T): void;
  /** Takes out what ended by itself; nothing when it is not waiting. */
  delete(item: T): void;
  /** Ends nothing more. */
  stop(): void;
}

/** The longest time between two endings, in ms. */
export const GAP_MS = 100;

/** The part of the window after which the last one has been told. */
export const WINDOW_PART = 0.8;

/** Endings that would be closer together than this, in ms, share a turn. */
const TURN_MS = 5;

const PACE: Pace = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/**
 * Calls `end` for each item, the first at once and the others in even
 * distances with a jitter of half of it: {@linkcode GAP_MS} apart, or closer
 * so that all have been told in {@linkcode WINDOW_PART} of the window. What is
 * left of it is for their answers. Items added after that time are ended within
 * {@linkcode GAP_MS}.
 *
 * @param window how long until the deadline, in ms
 * @param end must not throw
 */
export function spreadOver<T>(
  items: Iterable<T>,
  window: number,
  end: (item: T) => void,
  pace: Pace = PACE,
): Spread<T> {
  const waiting = new Set<T>(items);
  const last = pace.now() + window * WINDOW_PART;
  let forget: (() => void) | undefined;

  const left = (): number => Math.max(0, last - pace.now());
  const wait = (): void => {
    const even = Math.min(
      GAP_MS,
      Math.max(TURN_MS, left() / waiting.size),
    );
    forget = pace.after(even * (0.5 + pace.random()), turn);
  };
  const turn = (): void => {
    forget = undefined;
    // How many are due in one turn, when there are too many for one each.
    const due = Math.max(1, waiting.size * TURN_MS / left());
    // Apart from the ending, which may add one that has to wait for another.
    const now: T[] = [];
    for (const item of waiting) {
      if (now.length >= due) break;
      now.push(item);
    }
    for (const item of now) waiting.delete(item);
    for (const item of now) end(item);
    if (waiting.size > 0 && forget === undefined) wait();
  };

  turn();
  return {
    add(item) {
      waiting.add(item);
      if (forget === undefined) wait();
    },
    delete: (item) => void waiting.delete(item),
    stop() {
      waiting.clear();
      forget?.();
      forget = undefined;
    },
  };
}
