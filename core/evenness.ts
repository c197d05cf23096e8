/**
 * Who may take the next connection in `balanced`. `docs/BALANCE.md` has the
 * reasons and the figures.
 *
 * @module
 */

/** What a worker shows the others of its load. */
export interface Score {
  /** Its open connections. */
  readonly open: number;
  /** The part of the time that its event loop was busy lately, from 0 to 1. */
  readonly busy: number;
  /** How many of its connections end per second, lately. */
  readonly ended: number;
  /** What it has accepted lately, for shares; see {@linkcode Score.weight}. */
  readonly recent: number;
  /** Its part of new connections, in relation to the others'. */
  readonly weight: number;
}

/** The time in which an excess that ends by itself is left alone, in ms. */
const PATIENCE_MS = 10;

/**
 * The most connections that a worker may hold: with one more it lets others go
 * first. Never less than what the least loaded of the others holds, so that
 * there is always one who accepts.
 *
 * @param others the workers that accept as well, without itself
 */
export function limitOf(own: Score, others: readonly Score[]): number {
  if (others.length === 0) return Infinity;
  const least = Math.min(...others.map(({ open }) => open));
  return least + 1 + own.ended * PATIENCE_MS / 1000;
}

/** Which one should get a connection that was passed on; -1 when none is there. */
export function leastLoaded(scores: readonly Score[]): number {
  let best = -1;
  for (const [i, { open }] of scores.entries()) {
    if (best < 0 || open < scores[best]!.open) best = i;
  }
  return best;
}
