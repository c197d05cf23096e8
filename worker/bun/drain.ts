/**
 * The careful drain of grafted servers of `Bun.serve`: its own `stop()` would
 * close what the kernel has accepted and Bun has not read yet.
 *
 * @module
 */

import { scanUntil } from "../drain/connections.ts";
import type { Graft } from "../graft/graft.ts";
import { headPatience } from "../drain/head_patience.ts";
import { watchHeads } from "../graft/head_watch.ts";
import { LOOKING_PART, streamPatience } from "../graft/patience.ts";
import type { BunServer } from "./types.ts";
import type { ConnectionsView, OpenConnection } from "../graft/connections.ts";

/** A server and its graft. */
export interface GraftedServer {
  /** The server. */
  readonly server: BunServer;
  /** Its graft. */
  readonly graft: Graft;
  /** Its connections. */
  readonly view: ConnectionsView;
}

/**
 * Resolves once a quiesced server has nothing in flight and its connections
 * have been idle for `idle` ms. The server answers with `Connection: close`
 * meanwhile, and ends those that are idle while something is in flight.
 *
 * @param headsBy when the heads of requests must have come, on the clock of
 * `performance.now()`
 * @param others how much else there is that has to end first
 * @param isOver true once nothing is to be ended any more
 */
export function finished(
  { server, view }: GraftedServer,
  idle: number,
  headsBy: () => number,
  others: () => number = () => 0,
  isOver: () => boolean = () => false,
): Promise<void> {
  const began = performance.now();
  const encrypted = server.protocol === "https";
  const watch = watchHeads(view, idle, { headsBy, encrypted });
  let quietSince: number | undefined;
  let nextScan = 0;
  return scanUntil((now) => {
    if (isOver()) return true;
    const busy = server.pendingRequests + server.pendingWebSockets + others();
    quietSince = busy > 0 ? undefined : quietSince ?? now;
    if (busy > 0) watch.forgetAll();
    if (now < nextScan || (busy > 0 && now - began < idle)) return false;
    const connections = view.open();
    const end = performance.now();
    nextScan = end + (end - now) / LOOKING_PART;
    if (quietSince === undefined) {
      // More that ask than are answered: a request has come and was not read.
      const asking = connections.filter(({ asks }) => asks).length;
      if (asking <= busy && !connections.some(isUnread)) {
        server.closeIdleConnections?.();
      }
      return false;
    }
    const quietFor = now - quietSince;
    // Which ones are idle on a Unix socket the kernel cannot tell; Bun can.
    if (
      quietFor >= idle && !connections.some(isUnread) &&
      connections.some(({ peer }) => peer === undefined)
    ) {
      server.closeIdleConnections?.();
    }
    let waits = false;
    for (const connection of connections) {
      const { peer, asks, quiet } = connection;
      if (asks || peer === undefined) {
        if (watch.asks(connection, now)) waits = true;
      } else {
        watch.forget(connection);
        if (Math.min(quiet, quietFor) < idle) waits = true;
      }
    }
    return !waits;
  });
}

/** True on a Unix socket for a request of which Bun does not know yet. */
function isUnread({ peer, asks }: OpenConnection): boolean {
  return peer === undefined && asks;
}

/**
 * Has a server that is {@linkcode finished}, and goes on, close what is idle.
 * Resolves once no connection is left.
 */
export async function hangUpIdle(
  grafted: GraftedServer,
  finish: () => Promise<void>,
  isOver: () => boolean,
): Promise<void> {
  const { view } = grafted;
  while (!isOver() && view.count() > 0) {
    await finish();
    if (isOver()) return;
    for (const connection of view.open()) {
      // What has come since is answered first.
      if (!connection.asks) view.hangUp(connection);
    }
    let looks = 0;
    await scanUntil(() => isOver() || view.count() === 0 || ++looks > LOOKS);
  }
}

/** How often it is looked whether what was hung up is gone, before it is again. */
const LOOKS = 10;

/**
 * Ends a server by its own `stop()`, which is best effort: it also ends
 * connections that were accepted and have not sent their request yet, and waits
 * for half a head for ever (Bun 1.4.4), so it is told once more when the time
 * for that has passed and everything else was answered.
 *
 * @param window how long it is until the deadline, in ms
 */
export async function stopWithin(
  server: BunServer,
  window: number,
): Promise<void> {
  const headsBy = performance.now() + headPatience(window);
  let over = false;
  void server.stop().then(() => over = true);
  await scanUntil((now) =>
    over || now >= headsBy && server.pendingRequests === 0 &&
      server.pendingWebSockets === 0
  );
  await server.stop(true);
}

/**
 * Resolves once quiesced servers that also speak HTTP/2 have ended: when `over`
 * does, or by their own `stop()`, which sends GOAWAY (RFC 9113 §6.8) and lets
 * the streams in flight finish (Bun 1.4.4).
 *
 * @param window how long it is until the deadline, in ms
 */
export async function endSessions(
  servers: readonly GraftedServer[],
  over: Promise<unknown>,
  window: number,
): Promise<void> {
  const patience = streamPatience(window);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, patience));
  await Promise.race([over, late]);
  clearTimeout(timer);
  // The program's own stop() is above it.
  const native = Object.getPrototypeOf(servers[0]!.server) as BunServer;
  const stopped = servers.map(({ server }) => native.stop.call(server));
  await Promise.race([over, Promise.all(stopped)]);
}
