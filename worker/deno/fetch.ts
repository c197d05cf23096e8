/**
 * `Deno.serve` for the handler of `serve()`.
 *
 * @module
 */

import { bindHost } from "../listening/address.ts";
import { bypass } from "../process/bypass.ts";
import type { FetchHandler, ServeInfo } from "../fetch/handler.ts";
import type { NativeKind } from "../fetch/native_server.ts";
import { inheritDenoServe } from "./serve.ts";

/** How Deno starts its own server. */
export function denoServer(): NativeKind | undefined {
  const deno = (globalThis as { readonly Deno?: typeof Deno }).Deno;
  if (deno === undefined) return undefined;
  return {
    // `reusePort` of Deno.serve needs --unstable-net (Deno 2.9.5), which can
    // be told by another function that only exists with it.
    reusePort: "listenDatagram" in deno,
    start(handler, { address, reusePort }) {
      const server = bypass(() =>
        deno.serve({
          hostname: bindHost(address.host),
          port: address.port,
          reusePort,
          onListen() {},
        }, told(handler))
      );
      return {
        port: (server.addr as Deno.NetAddr).port,
        // Best effort: it also ends connections that were accepted and have
        // not sent their request yet.
        stop: () => server.shutdown(),
      };
    },
    inherit: (handler, listener, held) =>
      inheritDenoServe(
        listener,
        [{ onListen() {} }, told(handler)],
        // Called by prefork alone, so never the preloaded one.
        ((...args: Parameters<typeof Deno.serve>) =>
          bypass(() => deno.serve(...args))) as typeof Deno.serve,
        { held },
      ).serving,
  };
}

/**
 * Who the client is, asked of Deno when somebody wants to know. A class, since
 * an object with two getters costs an eighth of a whole request (Deno 2.9.5).
 */
class Client implements ServeInfo {
  readonly #info: Deno.ServeHandlerInfo;

  constructor(info: Deno.ServeHandlerInfo) {
    this.#info = info;
  }

  get #peer(): Deno.NetAddr | undefined {
    // A Unix socket has a client without a name.
    const { remoteAddr } = this.#info;
    return remoteAddr.transport === "tcp" ? remoteAddr : undefined;
  }

  get remoteAddress(): string | undefined {
    return this.#peer?.hostname;
  }

  get remotePort(): number | undefined {
    return this.#peer?.port;
  }
}

/** A handler that can ask who the client is. */
function told(handler: FetchHandler): Deno.ServeHandler {
  return (request, info) => handler(request, new Client(info));
}
