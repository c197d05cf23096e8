/**
 * Who accepts on which shard of a pool: in the stead of workers that are gone,
 * and of those that are stuck.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import { Adoption } from "../listeners/adoption.ts";
import { Help, STUCK_AFTER } from "../listeners/help.ts";
import { shardedOf } from "../options/dgram.ts";
import { pidOf } from "../worker.ts";

/** What of a pool it is about. */
type Context = Pick<
  PoolContext,
  "config" | "adapter" | "emit" | "listeners" | "traffic"
>;

/** Makes the adoption of a pool, with help where somebody can be helped. */
export function adoptionOf(context: Context): Adoption {
  const { traffic } = context;
  const adoption = new Adoption(
    context,
    traffic.helps ? (adoption) => helpBy(context, adoption) : undefined,
  );
  traffic.onActive = () => adoption.active();
  return adoption;
}

function helpBy(
  { config, adapter, listeners, traffic }: Context,
  adoption: Adoption,
): Help {
  const { clock, host } = adapter;
  const helped = shardedOf(listeners);
  return new Help({
    clock,
    after: () =>
      config.stuckAfter ??
        STUCK_AFTER[
          traffic.steering.status?.by === "ebpf" ? "picked" : "hashed"
        ],
    look: () => traffic.look(),
    queued: (shard) =>
      helped.reduce(
        (sum, { sockets }) => sum + (host.queued(sockets[shard]!.fd) ?? 0),
        0,
      ),
    heldUp: (worker) => traffic.heldUpFor(worker),
    sleeps: (worker) => host.state(pidOf(worker)) === "S",
    helping: (shard, queued) => traffic.steering.help(shard, queued),
    helped: (shard) => traffic.steering.helpEnds(shard),
    shards: () => adoption.acceptors(),
    workers: () => adoption.workers(),
    tell(worker, type, shard) {
      if (type === "adopt") traffic.helped++;
      for (const { name: listener } of helped) {
        if (type === "adopt") worker.toHelp.ask(listener, shard);
        worker.tell({ type, listener, shard });
      }
    },
  });
}
