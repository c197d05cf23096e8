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

/**
 * An excess that ends by itself in so short a time is left alone, in ms. Longer
 * makes connections of about a second uneven, shorter makes bursts of short
 * ones be passed on for nothing.
 */
export const SLACK_MS = 50;

/**
 * How much busyness counts: with 2, connections and CPU are of equal account
 * in a pool that is half busy.
 */
const BUSY_WEIGHT = 2;

/** A light worker that has less than this part of its share is waited for. */
const OWED = 0.95;

/** Means, the greatest weight, and what it has accepted lately, per 1 of it. */
type PoolLoad = Readonly<Record<"open" | "busy" | "weight" | "pace", number>>;

function poolOf(scores: readonly Score[]): PoolLoad {
  let [open, busy, weight, recent, heaviest] = [0, 0, 0, 0, 0];
  for (const each of scores) {
    open += each.open;
    busy += each.busy;
    if (each.weight > weight) [weight, recent, heaviest] = [each.weight, 0, 0];
    if (each.weight < weight) continue;
    recent += each.recent;
    heaviest++;
  }
  const count = scores.length;
  const pace = recent / heaviest / weight;
  return { open: open / count, busy: busy / count, weight, pace };
}

/** Open connections, corrected by how much more than the others it is busy. */
function loadOf({ open, busy }: Score, pool: PoolLoad): number {
  return open + BUSY_WEIGHT * pool.open * (busy - pool.busy);
}

/**
 * Where the kernel goes by the connections of workers alone: how many more than
 * it holds a worker counts for, as a whole number.
 *
 * @param others the workers that accept as well, without itself
 * @param steady how many connections each has had for a while, on average:
 * busyness says nothing of what has just come
 */
export function leanOf(
  own: Score,
  others: readonly Score[],
  steady: number,
): number {
  // A few connections of a light one are no measure.
  const equals = others.filter(({ weight }) => weight >= own.weight);
  const pool = poolOf([own, ...equals]);
  const open = Math.min(pool.open, steady);
  return Math.trunc(loadOf(own, { ...pool, open }) - own.open);
}

/** How many connections they have on average. */
export function meanOf(scores: readonly Score[]): number {
  return poolOf(scores).open;
}

/** The same of each worker that accepts. */
export function loadsOf(scores: readonly Score[]): number[] {
  const pool = poolOf(scores);
  return scores.map((each) => loadOf(each, pool));
}

/** How many more connections a light worker may have by its share. */
function roomOf({ weight, recent }: Score, { pace }: PoolLoad): number {
  return Math.floor(weight * pace - recent + 0.5);
}

/**
 * Where the kernel picks, which knows loads alone: how many more connections a
 * worker may have by its share of those that have come lately. One of the
 * greatest weight has the rest.
 *
 * @param others the workers that accept as well, without itself
 */
export function shareOf(own: Score, others: readonly Score[]): number {
  const pool = poolOf([own, ...others]);
  return own.weight < pool.weight ? roomOf(own, pool) : Infinity;
}

/**
 * The most connections that a worker may hold: with one more it lets others go
 * first. There is always one who may hold more than it does.
 *
 * @param others the workers that accept as well, without itself
 */
export function limitOf(own: Score, others: readonly Score[]): number {
  if (others.length === 0) return Infinity;
  const pool = poolOf([own, ...others]);
  let least = Infinity;
  for (const each of others) {
    // A few connections of a light one are not to be a measure for the others.
    if (each.weight < pool.weight) continue;
    least = Math.min(least, loadOf(each, pool));
  }
  const load = loadOf(own, pool);
  const slack = own.ended * SLACK_MS / 1000;
  const limit = own.open + (least - load) + 1 + slack;
  if (own.weight < pool.weight) {
    return Math.min(limit, own.open + roomOf(own, pool));
  }
  const isOwed = (each: Score): boolean =>
    each.weight < pool.weight &&
    each.recent < OWED * each.weight * pool.pace - 1 &&
    loadOf(each, pool) <= Math.min(least, load);
  return others.some(isOwed) ? own.open : limit;
}

/**
 * Which one should get a connection that was passed on; -1 when none is there.
 *
 * @param scores those that could have it
 * @param all all that accept, with these among them: the measure of shares
 */
export function leastLoaded(
  scores: readonly Score[],
  all: readonly Score[] = scores,
): number {
  const pool = poolOf(all);
  let best = -1;
  let least = Infinity;
  for (const [i, score] of scores.entries()) {
    const isLight = score.weight < pool.weight;
    const isDue = !isLight || roomOf(score, pool) >= 1;
    const load = isDue ? loadOf(score, pool) : Infinity;
    if (best >= 0 && (isLight ? load > least : load >= least)) continue;
    [best, least] = [i, load];
  }
  return best;
}

/**
 * What a new worker counts as having accepted lately: as much as the others, by
 * its weight. Else it would have to catch up with all they have. A light one
 * begins where it is waited for, to have its share from the start.
 */
export function fairRecent(weight: number, others: readonly Score[]): number {
  if (others.length === 0) return 0;
  const pool = poolOf(others);
  return weight * pool.pace * (weight < pool.weight ? OWED : 1);
}
