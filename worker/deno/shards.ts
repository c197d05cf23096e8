/**
 * The servers behind one server of the program: one for each shard that this
 * worker accepts on.
 *
 * @module
 */

import type { Attachment } from "../process/worker_core.ts";
import type { Grafted } from "./start.ts";

/** Something that can keep the process alive. */
export interface Referenced {
  /** Keeps the process alive. */
  ref(): void;
  /** Does not. */
  unref(): void;
}

/** The servers of a listener. */
export interface DenoShards<T> extends Required<ShardMessages> {
  /** The one on the worker's own shard. */
  readonly own: T;
  /** The epoll instance that watches the connections of all of them. */
  readonly epoll: number;
  /** All of them. */
  all(): readonly T[];
  /** Stops accepting on all of them for good. */
  quiesce(): void;
  /** Has them keep the process alive. */
  readonly ref: () => void;
  /** Has them let the process end. */
  readonly unref: () => void;
}

type ShardMessages = Pick<Attachment, "adopt" | "release">;

/**
 * Starts the server of the own shard.
 *
 * @param start starts and grafts one
 */
export function openDenoShards<T extends Referenced>(
  ownShard: number,
  start: (shard: number) => Grafted<T>,
): DenoShards<T> {
  const own = start(ownShard);
  const shards = new Map([[ownShard, own]]);
  let open = true;
  let referenced = true;
  const setReferenced = (on: boolean): void => {
    referenced = on;
    for (const { server } of shards.values()) {
      if (on) server.ref();
      else server.unref();
    }
  };
  return {
    own: own.server,
    // Deno's event loop has one epoll instance, whatever listens.
    epoll: own.graft.epoll,
    all: () => [...shards.values()].map(({ server }) => server),
    // Async, so that what it throws is a rejection.
    // deno-lint-ignore require-await
    async adopt(shard) {
      if (!open) return;
      const present = shards.get(shard);
      if (present !== undefined) return present.graft.resume();
      const one = start(shard);
      shards.set(shard, one);
      if (!referenced) one.server.unref();
    },
    release(shard) {
      if (shard !== ownShard) shards.get(shard)?.graft.quiesce();
    },
    quiesce() {
      open = false;
      for (const { graft } of shards.values()) graft.quiesce();
    },
    ref: () => setReferenced(true),
    unref: () => setReferenced(false),
  };
}
