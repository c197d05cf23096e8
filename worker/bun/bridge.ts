/**
 * `Bun.serve` on top of `node:http`, for listeners that it cannot be put on.
 *
 * @module
 */

import { createServer } from "node:http";
import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Core } from "../process/worker_core.ts";
import { bridge } from "../fetch/bridge.ts";
import type { ServeInfo } from "../fetch/handler.ts";
import type { BunServeOptions, BunServer } from "./types.ts";
import { defaultOnError } from "../fetch/reply.ts";
import { addressMembers } from "./address.ts";
import { putServer, type Target } from "../match/put_server.ts";

/** Options that `node:http` has nothing for. */
const BEYOND: readonly string[] = [
  "routes",
  "static",
  "websocket",
  "tls",
  "http3",
  "maxRequestBodySize",
  "idleTimeout",
];

type Fetch = (
  this: BunServer,
  request: Request,
  server: BunServer,
) => Response | Promise<Response>;
type OnError = (
  this: BunServer,
  error: unknown,
) => Response | Promise<Response>;

/** True when nothing that the options ask for would be lost. */
export function isBridgeable(options: BunServeOptions): boolean {
  const wishes = options as Readonly<Record<string, unknown>>;
  return typeof options.fetch === "function" &&
    BEYOND.every((name) => wishes[name] === undefined);
}

/**
 * Serves listeners. It accepts soon after; when it cannot, the process ends
 * with an error, as there is nobody left to tell.
 *
 * @param shown what the server shows as its address
 */
export function bridgeBunServe(
  core: Core,
  target: Target,
  shown: InheritedListener,
  options: BunServeOptions,
): BunServer {
  const clients = new WeakMap<Request, ServeInfo>();
  let handlers = options;
  let pending = 0;
  const server = createServer(
    bridge(
      (request, info) => {
        clients.set(request, info);
        return (handlers.fetch as Fetch).call(facade, request, facade);
      },
      (error) =>
        typeof handlers.error === "function"
          ? (handlers.error as OnError).call(facade, error)
          : defaultOnError(error),
    ),
  );
  server.prependListener("request", (_request, response) => {
    pending++;
    response.once("close", () => pending--);
  });
  const facade: BunServer = Object.defineProperties({
    protocol: "http",
    pendingRequests: 0,
    pendingWebSockets: 0,
    // Options with a websocket are not served like this, so there is none.
    upgrade: () => false,
    publish: () => 0,
    subscriberCount: () => 0,
    timeout() {},
    requestIP(request: Request) {
      const { remoteAddress: address, remotePort: port } =
        clients.get(request) ?? {};
      return address === undefined || port === undefined ? null : {
        address,
        port,
        family: address.includes(":") ? "IPv6" : "IPv4",
      };
    },
    reload(next: BunServeOptions): BunServer {
      handlers = next;
      return facade;
    },
    stop(closeActiveConnections = false): Promise<void> {
      if (closeActiveConnections) server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
    closeIdleConnections(): number {
      server.closeIdleConnections();
      return 0;
    },
    ref: () => void server.ref(),
    unref: () => void server.unref(),
  }, {
    pendingRequests: { get: () => pending },
    ...addressMembers(shown),
  });
  putServer(core, server, "http", target).catch((error: unknown) => {
    process.nextTick(() => {
      throw error;
    });
  });
  return facade;
}
