/**
 * What happens to a slot whose worker has ended by itself: it waits before its
 * next one, not at all after the first crash, then longer and longer, with
 * jitter so that slots which crashed together do not come back together.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import { SIGNAL_ACTIONS } from "../signals.ts";
import type { PoolWorker } from "../worker.ts";
import type { Slot } from "./slot.ts";

/** The times of a backoff, in milliseconds. */
export interface BackoffTimes {
  /** The first wait; the one before it is none. */
  readonly first: number;
  /** The longest wait. */
  readonly longest: number;
  /** A worker that was ready for so long has paid off all earlier crashes. */
  readonly forgive: number;
}

/** The times unless given. */
export const DEFAULT_BACKOFF: BackoffTimes = {
  first: 100,
  longest: 30_000,
  forgive: 10_000,
};

/**
 * The wait before the next worker, in milliseconds, after so many crashes in a
 * row (from 1). `random` in [0, 1) takes up to half of it away.
 */
export function backoffDelay(
  crashes: number,
  random: number,
  times: BackoffTimes = DEFAULT_BACKOFF,
): number {
  if (crashes <= 1) return 0;
  // 2 ** 40 is beyond any limit: it only keeps the number finite.
  const doubled = times.first * 2 ** Math.min(crashes - 2, 40);
  return Math.round(Math.min(doubled, times.longest) * (1 - random / 2));
}

/**
 * Counts a crash of a slot and makes the slot wait before its next worker, the
 * longer the more often it crashed in a row.
 *
 * @param readyAt when the worker that crashed became ready, if it did
 */
export function respawn(
  slot: Slot,
  readyAt: number | undefined,
  { adapter, post, emit }: Pick<PoolContext, "adapter" | "post" | "emit">,
): void {
  const lived = readyAt === undefined ? 0 : adapter.clock.now() - readyAt;
  slot.crashes = lived >= DEFAULT_BACKOFF.forgive ? 1 : slot.crashes + 1;
  slot.restarts++;
  const delay = backoffDelay(slot.crashes, adapter.host.random());
  const { slot: number, crashes } = slot;
  emit({ type: "worker-respawning", slot: number, delay, crashes });
  if (delay === 0) return;
  slot.wait = adapter.clock.after(
    delay,
    () => post(() => slot.wait = undefined),
  );
}

/** How often in a row that is believed of a slot. */
const MAX_HITS = 3;

/**
 * True for a worker that was ended by one of the supervisor's signals before it
 * said a word. It has a session of its own, but not in the moment between
 * fork(2) and setsid(2), and timeout(1) sends a signal to its child and to the
 * group right after: the second one may find the worker that the first one had
 * the supervisor start. The program has no part in it.
 */
export function wasHitAtBirth(
  slot: Slot,
  worker: PoolWorker,
  { signal }: ExitStatus,
): boolean {
  if (signal === null || !(signal in SIGNAL_ACTIONS)) return false;
  if (worker.attached || slot.hits === MAX_HITS) return false;
  slot.hits++;
  return true;
}
