/**
 * How long the accept queues of listeners are, and how long they can get.
 *
 * @module
 */

import type { Host } from "../host.ts";
import type { QueueStatus } from "../status_types.ts";
import type { Listener } from "./listeners.ts";

/**
 * The queues of some listeners together, or of one of their shards; undefined
 * where the kernel shows none. In `reuseport` they are the workers'.
 */
export function queueOfAll(
  listeners: readonly Pick<Listener, "mode" | "sockets" | "backlog">[],
  host: Pick<Host, "queued" | "sysctl">,
  shard?: number,
): QueueStatus | undefined {
  // listen(2) cuts what is asked for.
  const most = host.sysctl("net.core.somaxconn") ?? Infinity;
  const queues = listeners.flatMap(({ mode, sockets, backlog }) => {
    if (mode === "reuseport") return [];
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
