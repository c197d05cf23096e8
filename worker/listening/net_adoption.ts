/**
 * Shards of other slots that a server of `node:net` accepts on for a while, and
 * gives back.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { type AcceptSwitch, shareSwitch } from "../graft/accept_switch.ts";
import type { Attachment } from "../process/worker_core.ts";

/** The shards of other slots that a server accepts on. */
export interface NetAdoption extends Required<Pick<Attachment, "adopt">> {
  /**
   * Accepts on a shard no more, whose socket stays open. Where its event loop
   * cannot be told, as without libc, it goes on until the worker ends: there is
   * no other way to stop than to close the socket, which would be missing at the
   * next death of that slot's worker.
   */
  release(shard: number): void;
  /** Leaves the sockets to who closes them. */
  end(): void;
}

/**
 * Makes it for a server and a listener.
 *
 * @param begin accepts on a shard for the first time
 * @param isOpen false once the server accepts nowhere any more
 */
export function createNetAdoption(
  listener: InheritedListener,
  begin: (shard: number) => Promise<void>,
  isOpen: () => boolean,
): NetAdoption {
  const begun = new Map<number, Promise<void>>();
  const wanted = new Set<number>();
  /** What holds those that were given back. */
  const holds = new Map<number, AcceptSwitch>();
  const settle = (shard: number): void => {
    if (wanted.has(shard)) return holds.get(shard)?.resume();
    if (!isOpen()) return;
    let hold = holds.get(shard);
    const socket = listener.fds[shard];
    if (hold === undefined && socket !== undefined) {
      try {
        holds.set(shard, hold = shareSwitch(socket));
      } catch {
        return;
      }
    }
    hold?.quiesce();
  };
  return {
    async adopt(shard) {
      if (!isOpen() || shard === listener.shard) return;
      wanted.add(shard);
      let first = begun.get(shard);
      if (first === undefined) begun.set(shard, first = begin(shard));
      try {
        await first;
      } catch (error) {
        begun.delete(shard);
        throw error;
      }
      settle(shard);
    },
    release(shard) {
      wanted.delete(shard);
      void begun.get(shard)?.then(() => settle(shard), () => {});
    },
    end() {
      for (const hold of holds.values()) hold.end();
      holds.clear();
    },
  };
}
