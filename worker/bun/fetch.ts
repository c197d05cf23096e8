/**
 * `Bun.serve`, described by what is used of it: Bun's own types would leak into
 * every file.
 *
 * @module
 */

import { bypass } from "../process/bypass.ts";
import type { FetchHandler } from "../fetch/handler.ts";
import type { NativeKind } from "../fetch/native_server.ts";
import { adoptBunServe } from "./serve.ts";

interface BunServer {
  readonly port?: number;
  requestIP(request: Request): { address: string; port: number } | null;
  stop(): Promise<void>;
}

interface BunLike {
  serve(options: {
    readonly hostname?: string;
    readonly port: number;
    readonly reusePort: boolean;
    fetch(request: Request, server: BunServer): Response | Promise<Response>;
  }): BunServer;
}

/** How Bun starts its own server. */
export function bunServer(): NativeKind | undefined {
  const bun = (globalThis as { readonly Bun?: BunLike }).Bun;
  if (bun === undefined) return undefined;
  return {
    reusePort: true,
    start(handler, { address, reusePort }) {
      const server = bypass(() =>
        bun.serve({
          hostname: address.host === "" ? "::" : address.host,
          port: address.port,
          reusePort,
          fetch: told(handler),
        })
      );
      return {
        port: server.port ?? address.port,
        // Best effort: it also ends connections that were accepted and have
        // not sent their request yet.
        stop: () => server.stop(),
      };
    },
    adopt: (handler, listener) =>
      adoptBunServe(
        listener,
        { fetch: told(handler) },
        (options) => bun.serve(options as never) as never,
      ).attachment,
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
