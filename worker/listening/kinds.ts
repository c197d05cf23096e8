/**
 * Tells the kinds of servers apart.
 *
 * @module
 */

import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { Connections, Waiting } from "../drain/connections.ts";
import { trackHttp } from "../drain/http.ts";
import { trackHttp2 } from "../drain/http2.ts";
import { trackNet } from "../drain/net.ts";

/** The kinds of servers that can serve a listener. */
export type ServerKind = "net" | "http" | "https" | "http2";

/**
 * The kind of a server.
 *
 * @throws {TypeError} when it is none
 */
export function kindOf(server: net.Server): ServerKind {
  // Https first: on Bun an https.Server is an http.Server too.
  if (server instanceof https.Server) return "https";
  if (server instanceof http.Server) return "http";
  // node:http2 exports no classes; this method is documented since Node 15.1.
  if ("updateSettings" in server) return "http2";
  if (server instanceof net.Server) return "net";
  throw new TypeError(
    `Cannot listen with ${
      describe(server)
    }: it is no server of node:net, node:tls, node:http, node:https or node:http2, pass what their createServer() returns`,
  );
}

/**
 * The TLS options of an `https.Server` of Bun, which keeps what it was made
 * with under `Symbol(options)`. Undocumented; seen on Bun 1.4.4.
 */
export function tlsOptionsOf(server: net.Server): object | undefined {
  for (const symbol of Object.getOwnPropertySymbols(server)) {
    if (symbol.description !== "options") continue;
    const options: unknown = Reflect.get(server, symbol);
    if (
      typeof options === "object" && options !== null &&
      ("key" in options || "pfx" in options || "SNICallback" in options)
    ) return options;
  }
  return undefined;
}

/** Tracks the connections of a server, and those that wait at its gate. */
export function track(
  server: net.Server,
  kind: ServerKind,
  waiting: Waiting = new Set(),
): Connections {
  switch (kind) {
    case "net":
      return trackNet(server, waiting);
    case "http2":
      return trackHttp2(server as never, waiting);
    default:
      return trackHttp(server as never, waiting);
  }
}

function describe(value: unknown): string {
  return typeof value === "object" && value !== null
    ? `a ${value.constructor?.name ?? "null-prototype object"}`
    : String(value);
}
