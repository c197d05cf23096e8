/**
 * How long the accept queues of listeners are, and how long they can get.
 *
 * @module
 */

import type { Host } from "../host.ts";
import type { ReceiveBuffer } from "../adapter/accept_queue.ts";
import { isDatagram } from "../options/dgram.ts";
import type { QueueStatus } from "../status_types.ts";
import type { Listener } from "./listeners.ts";

/**
 * The queues of some listeners together, or of one of their shards; undefined
 * where the kernel shows none. In `reuseport` they are the workers'.
 *
 * @param most to which listen(2) cuts what is asked for
 */
export function queueOfAll(
  listeners: readonly Pick<
    Listener,
    "address" | "mode" | "sockets" | "backlog"
  >[],
  host: Pick<Host, "queued">,
  most: number,
  shard?: number,
): QueueStatus | undefined {
  const queues = listeners.flatMap((listener) => {
    const { mode, sockets, backlog } = listener;
    if (mode === "reuseport" || isDatagram(listener)) return [];
    const own = shard === undefined ? sockets : sockets.slice(shard, shard + 1);
    const limit = Math.min(backlog, most);
    return own.flatMap(({ fd }): QueueStatus[] => {
      // A shard that nobody listens on has no queue.
      const length = host.queued(fd);
      return length === undefined ? [] : [{ length, limit }];
    });
  });
  return queues.length === 0 ? undefined : queues.reduce((a, b) => ({
    length: a.length + b.length,
    limit: a.limit + b.limit,
  }));
}

/** The receive buffers of a listener of datagrams together. */
export function bufferOf(
  listener: Pick<Listener, "address" | "sockets">,
  host: Pick<Host, "buffered">,
): ReceiveBuffer | undefined {
  if (!isDatagram(listener)) return undefined;
  const buffers = listener.sockets.flatMap(({ fd }) => host.buffered(fd) ?? []);
  return buffers.length === 0 ? undefined : buffers.reduce((a, b) => ({
    bytes: a.bytes + b.bytes,
    limit: a.limit + b.limit,
    drops: a.drops + b.drops,
  }));
}
