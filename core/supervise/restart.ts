/**
 * What happens to a slot whose worker has ended by itself: it waits before its
 * next one, not at all after the first crash, then longer and longer, with
 * jitter so that slots which crashed together do not come back together.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import { SIGNAL_PRESETS } from "../options/signals.ts";
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
 * Counts an early end of a slot's worker and makes the slot wait before its
 * next one, the longer the more often that happened in a row.
 *
 * @param reason why it has ended, for the operator
 * @param lived how long it was ready, in milliseconds; undefined if it never was
 * @returns the wait in milliseconds
 */
export function respawn(
  slot: Slot,
  reason: string,
  lived: number | undefined,
  { adapter, post, emit }: Pick<PoolContext, "adapter" | "post" | "emit">,
): number {
  slot.crashes = isForgiven(lived) ? 1 : slot.crashes + 1;
  slot.restarts++;
  const delay = backoffDelay(slot.crashes, adapter.host.random());
  const { slot: number, crashes } = slot;
  emit({ type: "worker-respawning", slot: number, delay, crashes, reason });
  slot.wait?.[Symbol.dispose]();
  slot.wait = delay === 0 ? undefined : adapter.clock.after(
    delay,
    () => post(() => slot.wait = undefined),
  );
  return delay;
}

/** True for a worker that was ready long enough to pay off earlier crashes. */
export function isForgiven(lived: number | undefined): boolean {
  return lived !== undefined && lived >= DEFAULT_BACKOFF.forgive;
}

/** How often in a row that is believed of a slot. */
const MAX_HITS = 3;

/**
 * True for a worker that was ended before it was ready by a signal which may
 * have been meant for others, and not by its program. It has a session of its
 * own, but not in the moment between fork(2) and setsid(2), and timeout(1)
 * sends a signal to its child and to the group right after: the second one may
 * find the worker that the first one had the supervisor start. A service
 * manager sends SIGTERM to every process of a cgroup, and a worker may tell of
 * it before the supervisor hears its own.
 *
 * @param status how it has ended; undefined for one that was asked by SIGTERM,
 * and says so
 */
export function wasHitAtBirth(
  slot: Slot,
  worker: PoolWorker,
  status?: ExitStatus,
): boolean {
  const signal = status?.signal;
  const hit = status === undefined ||
    !worker.attached && signal != null && signal in SIGNAL_PRESETS.default;
  if (!hit || worker.readyAt !== undefined || slot.hits === MAX_HITS) {
    return false;
  }
  slot.hits++;
  return true;
}
