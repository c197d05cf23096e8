/**
 * `Deno.serve`.
 *
 * @module
 */

import type { NativeKind } from "./_native.ts";

/** How Deno starts its own server. */
export function denoServer(): NativeKind | undefined {
  const deno = (globalThis as { readonly Deno?: typeof Deno }).Deno;
  if (deno === undefined) return undefined;
  return {
    // `reusePort` of Deno.serve needs --unstable-net (Deno 2.9.5), which can
    // be told by another function that only exists with it.
    reusePort: "listenDatagram" in deno,
    start(handler, { address, reusePort }) {
      const server = deno.serve({
        hostname: address.host === "" ? "::" : address.host,
        port: address.port,
        reusePort,
        onListen() {},
      }, (request, { remoteAddr }) => {
        const peer = remoteAddr.transport === "tcp" ? remoteAddr : undefined;
        return handler(request, {
          remoteAddress: peer?.hostname,
          remotePort: peer?.port,
        });
      });
      return {
        port: (server.addr as Deno.NetAddr).port,
        // Best effort: it also ends connections that were accepted and have
        // not sent their request yet.
        stop: () => server.shutdown(),
      };
    },
  };
}
