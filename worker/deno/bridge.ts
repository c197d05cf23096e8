/**
 * `Deno.serve` on top of `node:http`, for listeners that it cannot be put on.
 *
 * @module
 */

import { createServer } from "node:http";
import process from "node:process";
import type { Core } from "../process/worker_core.ts";
import { bridge } from "../fetch/bridge.ts";
import type { ServeInfo } from "../fetch/handler.ts";
import { logListening } from "./address.ts";
import type { DenoServeArguments } from "./arguments.ts";
import { putServer, type Target } from "../match/put_server.ts";

/**
 * Serves a listener. It accepts soon after; when it cannot, the process ends
 * with an error, as there is nobody left to tell.
 *
 * @param target the listener, or what is to become it
 * @param addr its address
 */
export function bridgeDenoServe(
  core: Core,
  target: Target,
  addr: Deno.NetAddr | Deno.UnixAddr,
  { options, handler }: DenoServeArguments,
): Deno.HttpServer {
  const finished = Promise.withResolvers<void>();
  // A handler is called within the event of its request.
  let completed = Promise.resolve();
  const answer = bridge(
    (request, info) =>
      handler(request, { remoteAddr: clientOf(info, addr), completed }),
    options.onError,
  );
  const server = createServer((incoming, outgoing) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    outgoing.once("finish", resolve);
    outgoing.once("close", () => reject(new DOMException(GONE, "AbortError")));
    promise.catch(() => {});
    completed = promise;
    answer(incoming, outgoing);
  });
  const serve = async (): Promise<void> => {
    await putServer(core, server, "http", target);
    if (options.onListen === undefined) logListening(addr, false);
    else options.onListen(addr);
  };
  serve().catch((error: unknown) => {
    process.nextTick(() => {
      throw error;
    });
  });
  const shutdown = (): Promise<void> => {
    server.close(() => finished.resolve());
    return finished.promise;
  };
  const { signal } = options;
  if (signal?.aborted) void shutdown();
  else signal?.addEventListener("abort", () => void shutdown());
  return {
    addr,
    finished: finished.promise,
    shutdown,
    ref: () => void server.ref(),
    unref: () => void server.unref(),
    [Symbol.asyncDispose]: shutdown,
  };
}

const GONE = "The client has gone before the response was complete";

function clientOf(
  { remoteAddress, remotePort }: ServeInfo,
  own: Deno.Addr,
): Deno.NetAddr | Deno.Addr {
  return remoteAddress === undefined || remotePort === undefined
    ? own
    : { transport: "tcp", hostname: remoteAddress, port: remotePort };
}
