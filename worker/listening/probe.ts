/**
 * How a check reaches a server of `node:http` and what is built on it.
 *
 * @module
 */

import type { Server } from "node:net";
import process from "node:process";
import type { OpenProbe } from "../process/probe.ts";
import type { ServerKind } from "../process/server_kind.ts";
import { fed } from "./acceptors.ts";
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
    const at = { host: LOOPBACK, port: 0, backlog: 1, ipv6Only: false };
    const acceptor = fed(server, kind, at, limit);
    await acceptor.started;
    const address = acceptor.address();
    const port = typeof address === "object" ? address?.port ?? 0 : 0;
    return { at: { port }, tls, [Symbol.dispose]: acceptor.close };
  };
}
