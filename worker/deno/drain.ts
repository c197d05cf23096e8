/**
 * The careful drain of grafted servers of `Deno.serve`.
 *
 * @module
 */

import type { Attachment, Parkable } from "../process/worker_core.ts";
import type { Closing } from "../drain/closing.ts";
import { moveWebSockets } from "../drain/rebalance.ts";
import type { Rebalance } from "../process/balancing.ts";
import { parkNative } from "../listening/park.ts";
import { headPatience } from "../drain/head_patience.ts";
import { kernelHere } from "../graft/graft.ts";
import { type ConnectionsView, viewConnections } from "../graft/connections.ts";
import type { DenoRequests } from "./requests.ts";
import type { DenoShards } from "./shards.ts";
import {
  type DenoWebSockets,
  keepDenoWebSockets,
  keepUpgrades,
} from "./web_sockets.ts";
import { type Requests, untilHarmless } from "../graft/patience.ts";

/** What is to end. */
export interface Draining {
  /** What they answer. */
  readonly requests: DenoRequests;
  /** The servers. */
  readonly shards: DenoShards<Deno.HttpServer>;
  /** Ends their event streams. */
  readonly ending: Closing;
  /** True when they end TLS themselves. */
  readonly encrypted: boolean;
  /** What ends WebSockets where there are too many. */
  readonly rebalance: Rebalance | undefined;
}

/**
 * Makes the drain of the servers behind one of the program. It quiesces them,
 * waits until closing them harms nobody and closes them. WebSockets and event
 * streams are ended when the first call comes that has a window.
 */
export function carefulDrain(
  { requests, shards, ending, encrypted, rebalance }: Draining,
): Pick<Attachment, "drain"> & { readonly parkable: Parkable } {
  const sockets = keepDenoWebSockets((client) => hangUp([view()], client));
  moveWebSockets(rebalance, sockets.since, sockets.move);
  const forget = keepUpgrades((request) => {
    const client = requests.clientOf(request);
    return client === undefined
      ? undefined
      : (socket) => sockets.add(socket, client);
  });
  const view = (): ConnectionsView => viewOf(shards);
  const withWindow = (window: number): void => {
    if (!Number.isFinite(window)) return;
    ending.begin();
    sockets.end(window);
  };
  const begin = async (idle: number, window: number): Promise<void> => {
    shards.quiesce();
    requests.close();
    await untilHarmless(
      view(),
      withSockets(requests, sockets),
      idle,
      window,
      { headsBy: () => headsBy, encrypted },
      // Deno's shutdown would close all WebSockets in one moment.
      { othersLeft: () => ending.active && sockets.count > 0 },
    );
    const over = shards.all().map(({ server }) => server.shutdown());
    await Promise.allSettled(over);
    forget();
  };
  let drained: Promise<void> | undefined;
  let headsBy = Infinity;
  return {
    drain(idle, window) {
      headsBy = Math.min(headsBy, performance.now() + headPatience(window));
      withWindow(window);
      return drained ??= begin(idle, window);
    },
    parkable: parkNative(shards, {
      async finish(idle, window, isOver) {
        if (drained !== undefined) return await drained;
        withWindow(window);
        requests.close();
        const connections = view();
        const by = performance.now() + headPatience(window);
        await untilHarmless(
          connections,
          withSockets(requests, sockets),
          idle,
          window,
          { headsBy: () => by, encrypted },
          { othersLeft: () => connections.count() > 0, stays: true, isOver },
        );
      },
      resume() {
        if (drained !== undefined) return;
        sockets.stop();
        requests.open();
        ending.end();
      },
    }),
  };
}

/** Looks at the connections of the servers as they are now. */
export function viewOf(shards: DenoShards<Deno.HttpServer>): ConnectionsView {
  return viewConnections(
    kernelHere(shards.sockets()[0]!),
    // Deno has one epoll instance, whatever listens.
    shards.own.graft.epoll,
    ...shards.sockets(),
  );
}

/** Ends the connection of a client, once it has what it was sent. */
export function hangUp(
  views: readonly ConnectionsView[],
  client: string,
): void {
  for (const view of views) {
    const own = view.list().find(({ peer }) => peer === client);
    if (own !== undefined) view.hangUp(own);
  }
}

/** A WebSocket keeps its connection as busy as a request does. */
function withSockets(
  requests: DenoRequests,
  sockets: DenoWebSockets,
): Requests {
  return {
    get count() {
      return requests.count + sockets.count;
    },
    get lastEnd() {
      return requests.lastEnd;
    },
    clients: () => new Set([...requests.clients(), ...sockets.clients()]),
    wasLast: requests.wasLast,
    hasStreams: requests.hasStreams,
  };
}
