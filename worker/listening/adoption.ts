/**
 * The native servers behind one server of the program: one for each shard that
 * it accepts on. There are several of them where it accepts on the shards of
 * other slots, for as long as these have no worker (`core/listeners/adoption.ts`
 * says when), and where it serves several listeners.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Graft } from "../graft/graft.ts";
import type { Attachment } from "../process/worker_core.ts";

/** What the supervisor can ask of them in the mode `sharded`. */
export type Adopting = Pick<Attachment, "adopt" | "release">;

/** The servers behind one server of the program. */
export interface Shards<T> {
  /** The first one. */
  readonly own: T;
  /** All of them. */
  all(): readonly T[];
  /** Those of a listener. */
  of(name: string): readonly T[];
  /** The sockets of the own shard of each listener. */
  sockets(): readonly number[];
  /** Stops accepting on all of them for good. */
  readonly quiesce: () => void;
  /**
   * Stops accepting on all of them for a while.
   *
   * @throws {PreforkError} `ERR_ATTACH` where one cannot; the others have stopped
   */
  readonly pause: () => void;
  /** Those accept again that did; none after `quiesce()`. */
  readonly resume: () => void;
  /** Accepts on a listener, on one more or on one that was held back. */
  serve(listener: InheritedListener): Adopting;
  /** Stops accepting on a listener, which they always can. */
  readonly cede: (listener: InheritedListener) => true;
}

/** Starts and grafts the server of a shard. */
export type StartShard<T> = (
  listener: InheritedListener,
  shard: number,
  held: boolean,
) => T;

/**
 * Starts the server of the own shard.
 *
 * @param held true for one that is not to accept before `serve()` is called
 */
export function openShards<T extends { readonly graft: Graft }>(
  first: InheritedListener,
  start: StartShard<T>,
  held = false,
): Shards<T> {
  const servers = new Map<string, Map<number, T>>();
  /** Those that accept, but for a pause. */
  const accepting = new Set<T>();
  const own = start(first, first.shard, held);
  servers.set(first.name, new Map([[first.shard, own]]));
  if (!held) accepting.add(own);
  const sockets = [first.fds[first.shard]!];
  let open = true;

  const quiesce = (server: T): void => {
    accepting.delete(server);
    server.graft.quiesce();
  };
  const accept = (server: T): void => {
    server.graft.resume();
    accepting.add(server);
  };
  const startMore = (listener: InheritedListener, shard: number): T => {
    const server = start(listener, shard, false);
    accepting.add(server);
    return server;
  };

  const all = (): T[] =>
    [...servers.values()].flatMap((each) => [
      ...each.values(),
    ]);
  const adoptingOf = (
    listener: InheritedListener,
    shards: Map<number, T>,
  ): Adopting => {
    if (listener.mode !== "sharded") return {};
    return {
      // Async, so that what it throws is a rejection.
      // deno-lint-ignore require-await
      async adopt(shard) {
        if (!open) return;
        const present = shards.get(shard);
        if (present === undefined) {
          shards.set(shard, startMore(listener, shard));
        } else accept(present);
      },
      release(shard) {
        const present = shards.get(shard);
        if (shard !== listener.shard && present !== undefined) quiesce(present);
      },
    };
  };
  return {
    own,
    all,
    of: (name) => [...servers.get(name)?.values() ?? []],
    sockets: () => sockets,
    quiesce() {
      open = false;
      for (const server of all()) quiesce(server);
    },
    pause() {
      for (const { graft } of accepting) graft.quiesce();
    },
    resume() {
      for (const { graft } of accepting) graft.resume();
    },
    serve(listener) {
      const { name, shard } = listener;
      const shards = servers.get(name) ?? new Map<number, T>();
      const present = shards.get(shard);
      if (present !== undefined) {
        if (open) accept(present);
      } else {
        shards.set(shard, startMore(listener, shard));
        servers.set(name, shards);
        sockets.push(listener.fds[shard]!);
      }
      return adoptingOf(listener, shards);
    },
    cede({ name }) {
      for (const server of servers.get(name)?.values() ?? []) quiesce(server);
      return true;
    },
  };
}
