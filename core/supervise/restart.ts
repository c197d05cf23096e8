/**
 * What happens to a slot whose worker has ended by itself: it waits before its
 * next one, not at all after the first crash, then longer and longer, with
 * jitter so that slots which crashed together do not come back together.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
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
