/**
 * The ways to choose the worker for a connection.
 *
 * @module
 */

import type { Balance } from "../options/balance.ts";
import { rendezvous } from "./affinity.ts";
import { StickTable } from "./affinity.ts";

/** A worker as a choice sees it. */
export interface Candidate {
  /** Its place in the pool; two workers share one while a reload overlaps. */
  readonly slot: number;
}

/** Chooses workers. */
export interface Placement<T extends Candidate> {
  /** False when any worker may have any connection. */
  readonly sticky: boolean;
  /**
   * The only worker that may have a connection, or undefined when any may.
   *
   * @param key what ties the client to a worker, if anything does
   * @param open who may get connections, in the order they joined
   */
  target(key: string | undefined, open: Iterable<T>): T | undefined;
  /**
   * The next among those that are free, or undefined when there is none.
   *
   * @param free longest free first
   * @param holding how many connections one holds
   */
  next(free: Iterable<T>, holding: (one: T) => number): T | undefined;
  /** A worker says that a key is its own. */
  claim(key: string, one: T): void;
  /** A worker is gone, and what it had with it. */
  forget(one: T): void;
}

/** Makes the choice that was asked for. */
export function placementOf<T extends Candidate>(
  balance: Balance,
): Placement<T> {
  switch (balance) {
    case "round-robin":
      return { ...loose, next: first };
    case "least-connections":
      return { ...loose, next: least };
    default:
      return sticky();
  }
}

/** Whatever ties nobody. */
const loose = {
  sticky: false,
  target: (): undefined => undefined,
  claim: (): void => {},
  forget: (): void => {},
};

/** A client that nothing ties goes to whoever is free the longest. */
function sticky<T extends Candidate>(): Placement<T> {
  // Two memories: whoever makes up keys can wash out what was placed, but not
  // what workers have said.
  const claimed = new StickTable<T>();
  const placed = new StickTable<T>();
  return {
    sticky: true,
    next: first,
    claim: (key, one) => claimed.add(key, one),
    forget(one) {
      claimed.drop(one);
      placed.drop(one);
    },
    target(key, open) {
      if (key === undefined) return undefined;
      const owner = claimed.owner(key);
      const former = placed.owner(key);
      const bySlot = new Map<number, T>();
      let known: T | undefined;
      for (const one of open) {
        if (one === owner) return one;
        if (one === former) known = one;
        // The newer one of a slot, so that its clients need not move again.
        bySlot.set(one.slot, one);
      }
      if (known !== undefined) return known;
      const slot = rendezvous(key, bySlot.keys());
      if (slot === undefined) return undefined;
      const chosen = bySlot.get(slot)!;
      // A client stays with the worker that knows it for as long as that one
      // accepts, also when its slot was empty for a moment or the pool grows.
      placed.add(key, chosen);
      return chosen;
    },
  };
}

function first<T>(free: Iterable<T>): T | undefined {
  for (const one of free) return one;
  return undefined;
}

function least<T>(
  free: Iterable<T>,
  holding: (one: T) => number,
): T | undefined {
  let best: T | undefined;
  for (const one of free) {
    if (best === undefined || holding(one) < holding(best)) best = one;
  }
  return best;
}
