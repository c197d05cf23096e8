/**
 * Tells the kinds of servers apart, and what a runtime can do with them.
 *
 * @module
 */

import net from "node:net";
import process from "node:process";
import type tls from "node:tls";
import { cannot } from "./errors.ts";
import { RUNTIME } from "./runtime.ts";

/** The kinds of servers that can serve a listener. */
export type ServerKind = "net" | "http" | "https" | "http2";

/**
 * The kind of a server.
 *
 * @throws {TypeError} when it is none
 */
export function kindOf(server: net.Server): ServerKind {
  // Not imported: what made the server is loaded, and the others need not be.
  if (Object.getPrototypeOf(server) === net.Server.prototype) return "net";
  const http = server instanceof
    process.getBuiltinModule("node:http").Server;
  if (http && RUNTIME.name !== "bun") return "http";
  // On Bun an https.Server is an http.Server too.
  const https = process.getBuiltinModule("node:https");
  if (server instanceof https.Server) return "https";
  if (http) return "http";
  // node:http2 exports no classes; this method is documented since Node 15.1.
  if ("updateSettings" in server) return "http2";
  if (server instanceof net.Server) return "net";
  throw new TypeError(
    `Cannot listen with ${
      describe(server)
    }: it is no server of node:net, node:tls, node:http, node:https or node:http2, pass what their createServer() returns`,
  );
}

/** True when a server of this kind must be fed with connections here. */
export function mustBeFed(kind: ServerKind): boolean {
  return !RUNTIME.httpTakesFd && (kind === "http" || kind === "https");
}

/**
 * What an https server was made with, where it does not end TLS itself: Bun
 * keeps it under `Symbol(options)`. Undocumented; seen on Bun 1.4.4.
 *
 * @throws {PreforkError} `ERR_ATTACH` where it does not show that
 */
export function tlsOptions(server: net.Server): tls.TlsOptions {
  for (const symbol of Object.getOwnPropertySymbols(server)) {
    if (symbol.description !== "options") continue;
    const options: unknown = Reflect.get(server, symbol);
    if (
      typeof options === "object" && options !== null &&
      ("key" in options || "pfx" in options || "SNICallback" in options)
    ) return options as tls.TlsOptions;
  }
  throw cannot(
    "attach the https server",
    `${RUNTIME.name} ignores an inherited socket in node:https and does not show the certificate the server was made with`,
    "use http2.createSecureServer({ allowHTTP1: true, .. }) or end TLS in front of the pool",
  );
}

function describe(value: unknown): string {
  return typeof value === "object" && value !== null
    ? `a ${value.constructor?.name ?? "null-prototype object"}`
    : String(value);
}
