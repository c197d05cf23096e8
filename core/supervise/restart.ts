/**
 * What happens to a slot whose worker has ended by itself.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { backoffDelay, DEFAULT_BACKOFF } from "./backoff.ts";
import type { PoolEvent } from "../events.ts";
import type { Slot } from "./slot.ts";

/** What {@linkcode respawn} needs. */
export interface RespawnContext {
  /** Time and chance. */
  readonly adapter: Adapter;
  /** Puts something into the one queue of the pool. */
  post(task: () => void): void;
  /** Tells the user. */
  emit(event: PoolEvent): void;
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
  { adapter, post, emit }: RespawnContext,
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
