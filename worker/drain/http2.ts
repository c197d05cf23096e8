/**
 * The drain of `node:http2` servers.
 *
 * @module
 */

import type {
  Http2SecureServer,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  type Connections,
  type PendingConnections,
  scanUntil,
} from "./connections.ts";
import { lookAtSockets, trackHandshakes } from "./http.ts";
import { watchIdle } from "./idle.ts";
import { presentCore } from "../process/worker_core.ts";
import { RUNTIME } from "../process/runtime.ts";
import { drainOnce } from "./long_lived.ts";
import type { Rebalance } from "../process/balancing.ts";
import { trackResponses } from "./pipeline.ts";
import { moveSession, moveUpgraded } from "./rebalance.ts";
import { trackUpgrades } from "./upgrades.ts";

/**
 * The connections of an HTTP/2 server, tracked from this call on. A drain sends
 * GOAWAY (RFC 9113 §6.8): streams that were begun finish, and a client knows
 * which of its later ones were never looked at. A session younger than the
 * idle time gets the rest of it first, or its first request would be refused.
 */
export function trackHttp2(
  server: Http2SecureServer,
  waiting: PendingConnections,
): Connections {
  const sessions = new Map<ServerHttp2Session, number>();
  // Those that a secure server with `allowHTTP1` speaks HTTP/1.1 with.
  const sockets = new Set<Socket>();
  const upgraded = trackUpgrades(server as never);
  const responses = trackResponses(server as never);
  const streams = new Set<ServerHttp2Stream>();
  const shaking = trackHandshakes(server as never);
  const begun = presentCore()?.requests.counter();
  let rebalance: Rebalance | undefined;
  server.prependListener("session", (session: ServerHttp2Session) => {
    const since = performance.now();
    sessions.set(session, since);
    session.once("close", () => sessions.delete(session));
    session.on("stream", (stream: ServerHttp2Stream) => {
      streams.add(stream);
      begun?.();
      stream.once("close", () => {
        streams.delete(stream);
        if (rebalance === undefined || rebalance.due <= 0) return;
        moveSession(session, since, rebalance);
      });
    });
    if (RUNTIME.http2NeedsLateTeardown) putOffTeardown(session);
  });
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") return;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });

  const ending = drainOnce(async ({ idle, longLived, isOver }) => {
    if (connections.count === 0) return;
    const watch = watchIdle(idle, responses);
    responses.close(sockets, idle);
    await scanUntil((now) => {
      if (isOver()) return true;
      for (const [session, born] of sessions) {
        if (!session.closed && now - born >= idle) session.close();
      }
      for (const stream of streams) longLived()?.stream(stream);
      lookAtSockets(sockets, upgraded, watch, longLived(), now);
      for (const socket of [...waiting, ...shaking ?? []]) {
        watch.look(socket, now, longLived()?.headsBy);
      }
      return connections.count === 0;
    });
  }, responses.open);
  const connections: Connections = {
    get count() {
      return sessions.size + sockets.size + waiting.size +
        (shaking?.size ?? 0);
    },
    ...ending,
    rebalance(by) {
      rebalance = by;
      responses.rebalance(by);
      moveUpgraded(by, sockets, upgraded);
    },
  };
  return connections;
}

/**
 * Puts off the teardown of a session that its client ends to the next turn of
 * the event loop, for a runtime that cannot have it at once
 * (`http2NeedsLateTeardown`).
 */
export function putOffTeardown(session: ServerHttp2Session): void {
  let late: (() => void)[] | undefined;
  // node:http2 emits this first and calls close() or destroy() after it.
  session.prependListener("goaway", () => {
    if (late !== undefined) return;
    const { close, destroy } = session;
    const calls: (() => void)[] = late = [];
    session.close = (...args) =>
      void calls.push(() => close.apply(session, args));
    session.destroy = (...args) =>
      void calls.push(() => destroy.apply(session, args));
    // Not a microtask, nor a tick: those can run before the reading is over.
    setImmediate(() => {
      session.close = close;
      session.destroy = destroy;
      late = undefined;
      for (const call of calls) call();
    });
  });
}
