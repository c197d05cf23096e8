/**
 * How a check reaches a server of `node:http` and what is built on it.
 *
 * @module
 */

import type { Server } from "node:net";
import process from "node:process";
import { requireListen } from "../process/permission.ts";
import type { OpenProbe } from "../process/probe.ts";
import type { ServerKind } from "../process/server_kind.ts";
import { fed, feederOf } from "./acceptors.ts";
import { type ConnectionLimit, limitOf } from "./limit.ts";

/** Nobody outside of this machine may reach it. */
export const LOOPBACK = "127.0.0.1";

/** By feeding it; undefined for a server that does not answer HTTP/1. */
export function feedProbe(
  server: Server,
  kind: ServerKind,
  limit: ConnectionLimit = limitOf(server),
): OpenProbe | undefined {
  // Of HTTP/2 only what may fall back (`allowHTTP1`), which TLS finds out.
  const tls = kind === "https" || (kind === "http2" && server instanceof
      process.getBuiltinModule("node:tls").Server);
  if (!tls && kind !== "http") return undefined;
  return async () => {
    requireListen(LOOPBACK, 0);
    const at = { host: LOOPBACK, port: 0, backlog: 1, ipv6Only: false };
    const client = Promise.withResolvers<number>();
    const feed = feederOf(server);
    const acceptor = fed(server, kind, at, limit, undefined, (socket) => {
      void client.promise.then((port) => {
        if (socket.remotePort === port) feed(socket);
        else socket.destroy();
      });
    });
    await acceptor.started;
    const address = acceptor.address();
    const port = typeof address === "object" ? address?.port ?? 0 : 0;
    return {
      at: { port },
      tls,
      admit: client.resolve,
      [Symbol.dispose]() {
        // Whoever still waits is nobody's.
        client.resolve(-1);
        acceptor.close();
      },
    };
  };
}
