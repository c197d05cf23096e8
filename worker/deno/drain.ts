/**
 * The careful drain of grafted servers of `Deno.serve`.
 *
 * @module
 */

import type { Attachment } from "../process/worker_core.ts";
import { headPatience } from "../drain/head_patience.ts";
import { kernelHere } from "../graft/graft.ts";
import { viewConnections } from "../graft/connections.ts";
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
  readonly ending: AbortController;
  /** True when they end TLS themselves. */
  readonly encrypted: boolean;
}

/**
 * Makes the drain of the servers behind one of the program. It quiesces them, waits until
 * closing them harms nobody and closes them. WebSockets and event streams are
 * ended when the first call comes that has a window.
 */
export function carefulDrain(
  { requests, shards, ending, encrypted }: Draining,
): Attachment["drain"] {
  const sockets = keepDenoWebSockets();
  const forget = keepUpgrades((request) => {
    const client = requests.clientOf(request);
    return client === undefined
      ? undefined
      : (socket) => sockets.add(socket, client);
  });
  const begin = async (idle: number, window: number): Promise<void> => {
    shards.quiesce();
    requests.close();
    await untilHarmless(
      viewConnections(
        kernelHere(shards.sockets()[0]!),
        // Deno has one epoll instance, whatever listens.
        shards.own.graft.epoll,
        ...shards.sockets(),
      ),
      withSockets(requests, sockets),
      idle,
      window,
      { headsBy: () => headsBy, encrypted },
      // Deno's shutdown would close all WebSockets in one moment.
      () => ending.signal.aborted && sockets.count > 0,
    );
    const over = shards.all().map(({ server }) => server.shutdown());
    await Promise.allSettled(over);
    forget();
  };
  let drained: Promise<void> | undefined;
  let headsBy = Infinity;
  return (idle, window) => {
    headsBy = Math.min(headsBy, performance.now() + headPatience(window));
    if (Number.isFinite(window)) {
      ending.abort();
      sockets.end(window);
    }
    return drained ??= begin(idle, window);
  };
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
