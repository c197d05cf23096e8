/**
 * The worker's part in `rebalance`: it sees when the pool has changed, how many
 * connections it has too many, and which of them may go.
 *
 * Nobody wakes up for it. It is looked where the own row is written anyway, and
 * only if something was asked since.
 *
 * @module
 */

import { endsOf } from "../../core/balance/rebalance.ts";
import type { ScoreboardRow } from "../../core/balance/scoreboard.ts";
import type { Rebalance } from "../process/balancing.ts";
import type { OtherRow } from "./scoreboard.ts";

/** After a change of the pool it waits so long for the next one, in ms. */
export const SETTLE_MS = 1000;

/** A client that may have been moved is not moved again for so long, in ms. */
export const MOVED_MS = 60_000;

/** Moves within so long of each other count as one, in ms. */
const GRAIN_MS = 1000;

/** For so long clients that were moved count as on the way, in ms: at least. */
const AWAY_MS = 10_000;

/** What it needs. */
export interface RebalanceParts {
  /** The number of the own row. */
  readonly seat: number;
  /** True where WebSockets are ended as well. */
  readonly webSockets: boolean;
  /** A clock that is never set, in ms. */
  now(): number;
  /** The own row as of now. */
  own(): ScoreboardRow;
  /** Those of the others that accept. */
  others(): readonly OtherRow[];
  /** One is to end: the others are to know. */
  taken(): void;
}

/** The same with what its worker does. */
export interface OwnRebalance extends Rebalance {
  /** How many were ended by it. */
  readonly moved: number;
  /** How many of them are still there: they are no load any more. */
  readonly leaving: number;
  /** Looks at the pool. */
  look(): void;
  /** None may end before it has looked again. */
  rest(): void;
}

/**
 * The pool holds so many as it has held for so long, in ms: one that is passed
 * on, or whose client takes its time to close it, counts twice for a moment.
 */
const STEADY_MS = 200;

/** What was seen holds for so long, in ms. */
const FRESH_MS = 100;

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

const NOTHING = { most: 0, moves: 0 };

/** Makes the rebalancing of this process. */
export function createRebalance(
  { seat, webSockets, now, own, others, taken }: RebalanceParts,
): OwnRebalance {
  const watchers = new Set<(at: number) => void>();
  /** Of each of the others, what it had accepted and moved. */
  let known = new Map<number, readonly [accepted: number, moved: number]>();
  let settled = -Infinity;
  /** Connections that were there by then may go. */
  let before = -Infinity;
  /** When some were moved within the last minute, at most one for a second. */
  const moves: number[] = [];
  let lookedAt = -Infinity;
  /** The most that the pool has held lately, and how many it has moved then. */
  let lately = { most: 0, moves: 0 };
  let latelyBefore = lately;
  let latelySince = now();
  /** The least that the pool has held since then. */
  let steady = { least: Infinity, since: now() };

  const compare = (
    at: number,
    last: number,
    others: readonly OtherRow[],
  ): void => {
    let changed = others.length !== known.size;
    const next: typeof known = new Map();
    for (const { seat, accepted, takenOver, moved } of others) {
      const [took, gave] = known.get(seat) ?? [Infinity, moved];
      const takes = accepted + takenOver;
      if (took > takes) changed = true;
      // At the earliest just after the last look.
      else if (gave < moved) note(last, moved - gave);
      next.set(seat, [takes, moved]);
    }
    known = next;
    if (!changed) return;
    settled = at + SETTLE_MS;
    before = at;
  };
  const note = (at: number, count: number): void => {
    if (at - (moves.at(-1) ?? -Infinity) >= GRAIN_MS) moves.push(at);
    lately.moves += count;
  };
  /** True for one that is old enough, or cannot be that of a client just moved. */
  const mayGo = (since: number, at: number): boolean => {
    if (at - since >= MOVED_MS) return true;
    while (at - moves[0]! >= MOVED_MS + GRAIN_MS) moves.shift();
    return since <= before && since < (moves[0] ?? Infinity);
  };
  /** How many were moved and have not come back. */
  const missingOf = (at: number, held: number): number => {
    if (at - latelySince >= AWAY_MS) {
      latelyBefore = at - latelySince < 2 * AWAY_MS ? lately : NOTHING;
      lately = { most: 0, moves: 0 };
      latelySince = at;
    }
    const least = Math.min(steady.least, held);
    if (at - steady.since < STEADY_MS) steady.least = least;
    else {
      lately.most = Math.max(lately.most, least);
      steady = { least: held, since: at };
    }
    const most = Math.max(lately.most, latelyBefore.most);
    // Others have come and gone, too.
    const moves = lately.moves + latelyBefore.moves;
    return Math.max(0, Math.min(most - held, moves));
  };

  const rebalance: Writable<OwnRebalance> = {
    due: 0,
    moved: 0,
    leaving: 0,
    webSockets,
    watch(act) {
      watchers.add(act);
      return { [Symbol.dispose]: () => void watchers.delete(act) };
    },
    take(since) {
      const at = now();
      // Where little is asked nobody has looked since.
      if (rebalance.due > 0 && at - lookedAt > FRESH_MS) rebalance.look();
      if (rebalance.due <= 0) return false;
      if (!mayGo(since, at)) return false;
      rebalance.due--;
      rebalance.moved++;
      rebalance.leaving++;
      note(at, 1);
      taken();
      return true;
    },
    over: () => void rebalance.leaving--,
    rest: () => void (rebalance.due = 0),
    look() {
      const at = now();
      const rows = others();
      compare(at, lookedAt, rows);
      lookedAt = at;
      const scores: ScoreboardRow[] = [...rows];
      const next = rows.findIndex((each) => each.seat > seat);
      const place = next < 0 ? rows.length : next;
      scores.splice(place, 0, own());
      const held = scores.reduce((sum, { open }) => sum + open, 0);
      const population = held + missingOf(at, held);
      rebalance.due = at < settled
        ? 0
        : endsOf({ scores, own: place, population });
      for (const each of watchers) each(at);
    },
  };
  return rebalance;
}
