/**
 * `Deno.serve` on an inherited listener.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { presentCore } from "../process/worker_core.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { denoAddress, logListening } from "./address.ts";
import {
  type DenoServeOptions,
  readDenoServe,
  withoutPlace,
} from "./arguments.ts";
import { carefulDrain } from "./drain.ts";
import { startGrafted } from "./start.ts";
import { trackDenoRequests } from "./requests.ts";
import { openDenoShards } from "./shards.ts";
import { touchOf } from "../balance/native_servers.ts";

/**
 * Serves a listener whose socket was inherited by Deno's own server, with all
 * options that the program gave. It starts on a temporary address and is
 * grafted onto the inherited socket before this returns. What the program sees
 * is the pool's address; its `shutdown()`, its disposal and the option `signal`
 * end the server as a drain does, so that no connection is cut.
 *
 * @param args as given to `Deno.serve`, in any of its overloads
 * @param original Deno's own `Deno.serve`
 * @param closed called when the program has ended the server by itself
 * @throws {TypeError} as Deno does, for arguments that it does not take
 * @throws {PreforkError} `ERR_ATTACH` when the server cannot be grafted
 */
export function inheritDenoServe(
  listener: InheritedListener,
  args: readonly unknown[],
  original: typeof Deno.serve,
  closed: () => void = () => {},
): StartedServer<Deno.HttpServer> {
  const { options, handler } = readDenoServe(args);
  const addr = denoAddress(listener);
  const ending = new AbortController();
  const requests = trackDenoRequests(
    ending.signal,
    addr.transport === "unix" ? addr : undefined,
    touchOf(listener),
  );
  const given = {
    ...withoutPlace(options),
    // Deno would end the server without care.
    signal: undefined,
    ...(options.onError && { onError: requests.onError(options.onError) }),
    onListen: () => {},
    handler: requests.handler(handler),
  };
  const serve = original as (options: object) => Deno.HttpServer;
  const shards = openDenoShards(listener, (shard) =>
    startGrafted(
      listener,
      shard,
      (place) => serve({ ...given, ...place }),
      (server) => void server.shutdown(),
    ));
  const encrypted = options.cert !== undefined;
  const drain = carefulDrain({ listener, requests, shards, ending, encrypted });
  let drained = false;
  const shutdown = async (): Promise<void> => {
    const first = !drained;
    drained = true;
    await drain(IDLE_MS, windowOfProgram());
    if (first) closed();
  };
  const { ref, unref } = shards;
  announce(options, addr, shutdown);
  return {
    server: {
      ...shards.own.server,
      addr,
      shutdown,
      ref,
      unref,
      [Symbol.asyncDispose]: shutdown,
    },
    attachment: { drain, ...shards.attachment },
  };
}

/** Says that the server listens, and heeds the program's signal. */
function announce(
  options: DenoServeOptions,
  addr: Deno.NetAddr | Deno.UnixAddr,
  shutdown: () => Promise<void>,
): void {
  const { signal } = options;
  if (options.onListen === undefined) {
    logListening(addr, options.cert !== undefined);
  } else {
    try {
      options.onListen(addr);
    } catch (error) {
      void shutdown();
      throw error;
    }
  }
  if (signal?.aborted) void shutdown();
  else signal?.addEventListener("abort", () => void shutdown());
}

/**
 * How long those that stay have when the program ends its server, in ms:
 * until the deadline of the drain, if there is one.
 */
function windowOfProgram(): number {
  const deadline = presentCore()?.worker.deadline;
  return deadline === undefined ? Infinity : deadline - performance.now();
}
