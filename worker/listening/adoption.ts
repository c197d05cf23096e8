/**
 * Accepting on the shards of other slots, for as long as these have no worker.
 * `core/listeners/adoption.ts` says when.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Graft } from "../graft/graft.ts";
import type { Attachment } from "../process/worker_core.ts";

/** The servers behind one server of the program: one for each shard. */
export interface Shards<T> {
  /** The one on the worker's own shard. */
  readonly own: T;
  /** All of them. */
  all(): readonly T[];
  /** Stops accepting on all of them for good. */
  quiesce(): void;
  /** What the supervisor can ask for, in the mode `sharded`. */
  readonly attachment: Pick<Attachment, "adopt" | "release">;
}

/**
 * Starts the server of the own shard.
 *
 * @param start starts and grafts the server of a shard
 */
export function openShards<T extends { readonly graft: Graft }>(
  { shard: ownShard, mode }: InheritedListener,
  start: (shard: number) => T,
): Shards<T> {
  const own = start(ownShard);
  const shards = new Map([[ownShard, own]]);
  let open = true;
  return {
    own,
    all: () => [...shards.values()],
    quiesce() {
      open = false;
      for (const { graft } of shards.values()) graft.quiesce();
    },
    attachment: mode !== "sharded" ? {} : {
      // Async, so that what it throws is a rejection.
      // deno-lint-ignore require-await
      async adopt(shard) {
        if (!open) return;
        const present = shards.get(shard);
        if (present === undefined) shards.set(shard, start(shard));
        else present.graft.resume();
      },
      release(shard) {
        if (shard !== ownShard) shards.get(shard)?.graft.quiesce();
      },
    },
  };
}
