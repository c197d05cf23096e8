/**
 * Parks servers: their sockets are taken out of the event loop, and nothing of
 * them is closed.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Connections } from "../drain/connections.ts";
import { Resumable } from "../drain/resume.ts";
import { type AcceptSwitch, shareSwitch } from "../graft/accept_switch.ts";
import { cannot } from "../process/errors.ts";
import type { Parkable } from "../process/worker_core.ts";

/** Where a server accepts. */
export interface ParkPlace {
  /** The listener; undefined for an address that the program keeps to itself. */
  readonly listener: InheritedListener | undefined;
  /** What accepts on each shard. */
  readonly shards: ReadonlyMap<number, unknown>;
  /** What stops that, by shard; to be ended before the sockets are closed. */
  readonly switches: Map<number, AcceptSwitch>;
}

/** A server that can be parked. */
export interface ParkableServer extends Parkable {
  /** True while it is. */
  readonly parked: boolean;
  /** Has one more connection end, which was handed to it meanwhile. */
  late(): void;
}

/**
 * Makes what parks a server of `node:net` or of what is built on it.
 *
 * @param places where it accepts as of the call; nowhere once it is closed
 */
export function createParkable(
  places: () => Iterable<ParkPlace>,
  connections: Connections,
): ParkableServer {
  let parked = false;
  let last: readonly [idle: number, window: number] | undefined;
  const stop = ({ listener, shards, switches }: ParkPlace): void => {
    // An address of this worker alone is for nobody else to serve.
    if (listener === undefined) return;
    if (listener.mode === "reuseport") throw boundHere(listener);
    for (const shard of shards.keys()) {
      const socket = listener.fds[shard];
      const accepting = switches.get(shard) ??
        (socket === undefined ? undefined : shareSwitch(socket));
      if (accepting === undefined) continue;
      switches.set(shard, accepting);
      accepting.quiesce();
    }
  };
  const start = (): void => {
    for (const { switches } of places()) {
      for (const each of switches.values()) each.resume();
    }
  };
  return {
    get parked() {
      return parked;
    },
    pause() {
      try {
        for (const place of places()) stop(place);
      } catch (error) {
        start();
        throw error;
      }
      parked = true;
    },
    async finish(idle, window) {
      // What nobody else serves is not ended for others' sake.
      const all = [...places()];
      if (
        all.length > 0 && all.every(({ listener }) => listener === undefined)
      ) return;
      last = [idle, window];
      await connections.drain(idle, window);
    },
    resume() {
      parked = false;
      last = undefined;
      // One that the program has closed goes on ending.
      if ([...places()].length === 0) return;
      connections.resume();
      start();
    },
    late() {
      if (last !== undefined) void connections.drain(...last);
    },
  };
}

/** What ends the connections of servers, and takes that back. */
export interface Finishing {
  /**
   * Begins, and resolves once none is left.
   *
   * @param isOver true once it was taken back: nothing more is to be ended
   */
  finish(idle: number, window: number, isOver: () => boolean): Promise<void>;
  /** Takes it back. */
  resume(): void;
}

/** What can stop accepting for a while. */
export interface Pausing {
  /** @throws {PreforkError} where it cannot; some may have stopped */
  pause(): void;
  /** Accepts again. */
  resume(): void;
}

/** Makes what parks a runtime's own servers. */
export function parkNative(
  servers: Pausing,
  { finish, resume }: Finishing,
): Parkable {
  const ending = new Resumable();
  return {
    pause() {
      try {
        servers.pause();
      } catch (error) {
        servers.resume();
        throw error;
      }
    },
    async finish(idle, window) {
      await ending.finish((isOver) => finish(idle, window, isOver));
    },
    resume() {
      ending.resume();
      resume();
      servers.resume();
    },
  };
}

/** A server of this worker alone: nobody else could serve what comes to it. */
export const STAYS: Parkable = {
  pause() {},
  finish: () => Promise.resolve(),
  resume() {},
};

/** Why a server that this process has bound cannot be parked. */
export function boundHere({ name, address }: InheritedListener): Error {
  return cannot(
    `park the server on "${name}"`,
    `in the mode "reuseport" the kernel goes on sending it connections of "${address}"`,
    'replace the worker instead, or give the pool the share mode "shared"',
  );
}
