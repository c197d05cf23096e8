/**
 * The careful drain of `node:http` and `node:https` servers.
 *
 * @module
 */

import type { Server } from "node:http";
import type { Socket } from "node:net";
import {
  type Connections,
  type PendingConnections,
  scanUntil,
  socketPeer,
} from "./connections.ts";
import { type IdleWatch, refuseHead, responseOf, watchIdle } from "./idle.ts";
import { RUNTIME } from "../process/runtime.ts";
import { drainOnce, type LongLived } from "./long_lived.ts";
import { trackResponses } from "./pipeline.ts";
import { moveUpgraded } from "./rebalance.ts";
import { trackUpgrades, type Upgrades } from "./upgrades.ts";

/** The connections of an HTTP/1.1 server, tracked from this call on. */
export function trackHttp(
  server: Server,
  waiting: PendingConnections,
): Connections {
  const sockets = new Set<Socket>();
  const shaking = trackHandshakes(server);
  const upgraded = trackUpgrades(server);
  const responses = trackResponses(server);
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  server.prependListener(
    shaking === undefined ? "connection" : "secureConnection",
    track,
  );

  const ending = drainOnce(async ({ idle, longLived, isOver }) => {
    if (connections.count === 0) return;
    if (RUNTIME.httpChecksListening) keepListening(server);
    responses.close(sockets, idle);
    const watch = watchIdle(idle, responses);
    await scanUntil((now) => {
      if (isOver()) return true;
      lookAtSockets(sockets, upgraded, watch, longLived(), now);
      for (const socket of [...waiting, ...shaking ?? []]) {
        watch.look(socket, now, longLived()?.headsBy);
      }
      return connections.count === 0;
    });
  }, responses.open);
  const connections: Connections = {
    get count() {
      return sockets.size + waiting.size + (shaking?.size ?? 0);
    },
    ...ending,
    rebalance(by) {
      responses.rebalance(by);
      moveUpgraded(by, sockets, upgraded);
    },
  };
  return connections;
}

/** One look of a drain at each connection of HTTP/1.1. */
export function lookAtSockets(
  sockets: Iterable<Socket>,
  upgraded: Upgrades,
  watch: IdleWatch,
  longLived: LongLived | undefined,
  now: number,
): void {
  for (const socket of sockets) {
    if (upgraded.has(socket)) {
      const handshake = upgraded.webSocket(socket);
      if (handshake !== undefined) longLived?.webSocket(socket, handshake);
    } else {
      watch.look(socket, now, longLived?.headsBy, refuseHead);
      const response = responseOf(socket);
      if (response !== undefined) longLived?.response(response);
    }
  }
}

/**
 * Keeps `server.listening` true, for a runtime whose `node:http` closes the
 * connection after each response otherwise.
 */
function keepListening(server: Server): void {
  Object.defineProperty(server, "listening", {
    value: true,
    configurable: true,
  });
}

/**
 * The raw connections that have not finished their TLS handshake, or undefined
 * where "connection" already gives the connection that requests come on: plain
 * HTTP, and Bun, whose `https.Server` is no `tls.Server`.
 */
export function trackHandshakes(server: Server): Set<Socket> | undefined {
  if (server.listenerCount("secureConnection") === 0) return undefined;
  const shaking = new Set<Socket>();
  const byPeer = new Map<string, Socket>();
  server.prependListener("connection", (socket: Socket) => {
    const peer = socketPeer(socket);
    // Without a port, as on a Unix socket, there is nothing to match by.
    if (peer === undefined) return;
    shaking.add(socket);
    byPeer.set(peer, socket);
    socket.once("close", () => {
      shaking.delete(socket);
      if (byPeer.get(peer) === socket) byPeer.delete(peer);
    });
  });
  server.prependListener("secureConnection", (socket: Socket) => {
    const peer = socketPeer(socket);
    const raw = peer === undefined ? undefined : byPeer.get(peer);
    if (raw === undefined) return;
    shaking.delete(raw);
    byPeer.delete(peer!);
  });
  return shaking;
}
