/**
 * Which connections of a native server may end because there are too many. The
 * runtimes do not tell how old one is: it is looked which ones the kernel knows.
 *
 * @module
 */

import type { Rebalance } from "../process/balancing.ts";
import type { ConnectionsView } from "./connections.ts";

/** The most of the time that is spent on looking. */
const LOOKING_PART = 0.005;

/** The least that a look is said to cost, in ms. */
const LEAST_COST = 0.1;

/** The connections of a native server that may end. */
export interface Moves {
  /**
   * True when the answer to a client is to be the last one on its connection,
   * which then counts as leaving. To be asked where `due` is above 0.
   */
  takes(peer: string): boolean;
}

/**
 * Follows them from this call on.
 *
 * @param views looks at the connections
 */
export function followMoves(
  by: Rebalance,
  views: () => readonly ConnectionsView[],
): Moves {
  /** When each client was first seen. A Unix socket has no names. */
  const since = new Map<string, number>();
  const leaving = new Set<string>();
  let again = -Infinity;
  let cost = LEAST_COST;
  by.watch((at) => {
    const began = performance.now();
    if (leaving.size === 0 && at < again) return;
    const open = new Set<string>();
    for (const view of views()) {
      for (const { peer } of view.list()) {
        if (peer !== undefined) open.add(peer);
      }
    }
    for (const peer of leaving) {
      if (open.has(peer)) continue;
      leaving.delete(peer);
      by.over();
    }
    for (const peer of since.keys()) if (!open.has(peer)) since.delete(peer);
    for (const peer of open) if (!since.has(peer)) since.set(peer, at);
    // One that another process has interrupted was no costly one.
    const took = performance.now() - began;
    cost = Math.max(LEAST_COST, Math.min(took, 2 * cost));
    again = at + cost / LOOKING_PART;
  });
  return {
    takes(peer) {
      // It is still there, whatever its handler has said.
      if (leaving.has(peer)) return true;
      const seen = since.get(peer);
      if (seen === undefined || !by.take(seen)) return false;
      since.delete(peer);
      leaving.add(peer);
      return true;
    },
  };
}
