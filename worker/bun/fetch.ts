/**
 * `Bun.serve` for the handler of `serve()`.
 *
 * @module
 */

import { bindHost } from "../listening/address.ts";
import { bypass } from "../process/bypass.ts";
import type { FetchHandler } from "../fetch/handler.ts";
import type { NativeKind } from "../fetch/native_server.ts";
import { stopWithin } from "./drain.ts";
import { inheritBunServe } from "./serve.ts";
import type { BunServe, BunServer } from "./types.ts";

/** How Bun starts its own server. */
export function bunServer(): NativeKind | undefined {
  const bun = (globalThis as { readonly Bun?: { serve: BunServe } }).Bun;
  if (bun === undefined) return undefined;
  return {
    reusePort: true,
    start(handler, { address, reusePort }) {
      const server = bypass(() =>
        bun.serve({
          hostname: bindHost(address.host),
          port: address.port,
          reusePort,
          fetch: told(handler),
        })
      );
      return {
        port: server.port ?? address.port,
        stop: (window) => stopWithin(server, window),
      };
    },
    inherit: (handler, listener, held) =>
      inheritBunServe(
        listener,
        { fetch: told(handler) },
        (options) => bun.serve(options),
        held,
      ).serving,
  };
}

/** A handler that can ask who the client is. */
function told(
  handler: FetchHandler,
): (request: Request, self: BunServer) => Response | Promise<Response> {
  return (request, self) => {
    let peer: ReturnType<BunServer["requestIP"]> | undefined;
    const ask = (): typeof peer => peer ??= self.requestIP(request);
    return handler(request, {
      // A Unix socket has a client without a name.
      get remoteAddress() {
        return ask()?.address;
      },
      get remotePort() {
        return ask()?.port;
      },
    });
  };
}
