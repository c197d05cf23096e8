/**
 * `Deno.serve` on an inherited listener.
 *
 * @module
 */

import { both } from "../process/request_count.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { presentCore } from "../process/worker_core.ts";
import { createClosing } from "../drain/closing.ts";
import { lendProbe } from "../listening/native_probe.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { denoAddress, logListening } from "./address.ts";
import {
  type DenoServeOptions,
  readDenoServe,
  withoutPlace,
} from "./arguments.ts";
import { carefulDrain, hangUp, viewOf } from "./drain.ts";
import { startGrafted } from "./start.ts";
import { type DenoMoves, trackDenoRequests } from "./requests.ts";
import { type DenoShards, openDenoShards } from "./shards.ts";
import { rebalanceOf, touchOf } from "../balance/native_servers.ts";
import type { ConnectionsView } from "../graft/connections.ts";
import { followMoves } from "../graft/rebalance.ts";

/** How a server is started. */
export interface DenoServeStart {
  /** True when it is not to accept before it is told to serve. */
  readonly held?: boolean;
  /** True to keep to itself that it listens. */
  readonly silent?: boolean;
  /** Called when the program ends the server by itself. */
  left?(): void;
}

/**
 * Serves a listener whose socket was inherited by Deno's own server, with all
 * options that the program gave. It starts on a temporary address and is
 * grafted onto the inherited socket before this returns. What the program sees
 * is the pool's address; its `shutdown()`, its disposal and the option `signal`
 * end the server as a drain does, so that no connection is cut.
 *
 * @param args as given to `Deno.serve`, in any of its overloads
 * @param original Deno's own `Deno.serve`
 * @throws {TypeError} as Deno does, for arguments that it does not take
 * @throws {PreforkError} `ERR_ATTACH` when the server cannot be grafted
 */
export function inheritDenoServe(
  listener: InheritedListener,
  args: readonly unknown[],
  original: typeof Deno.serve,
  { held = false, silent = false, left = () => {} }: DenoServeStart = {},
): StartedServer<Deno.HttpServer> {
  const { options, handler } = readDenoServe(args);
  const addr = denoAddress(listener);
  const ending = createClosing();
  let opened: DenoShards<Deno.HttpServer> | undefined;
  const requests = trackDenoRequests(
    ending,
    addr.transport === "unix" ? addr : undefined,
    both(touchOf(listener), presentCore()?.requests.counter()),
    movesOf(listener, () => opened),
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
  const shards = opened = openDenoShards(
    listener,
    (each, shard, held) =>
      startGrafted(
        each,
        shard,
        (place) => serve({ ...given, ...place }),
        (server) => void server.shutdown(),
        { held },
      ),
    held,
  );
  let home: Deno.HttpServer | undefined;
  const encrypted = options.cert !== undefined;
  const { drain, parkable } = carefulDrain({
    requests,
    shards,
    ending,
    encrypted,
    rebalance: rebalanceOf(listener),
  });
  let drained = false;
  const shutdown = async (): Promise<void> => {
    shards.quiesce();
    // Another server may have the listener now, before this one has ended.
    if (!drained) left();
    drained = true;
    await home?.shutdown();
    await drain(IDLE_MS, windowOfProgram());
  };
  const { ref, unref } = shards;
  announceServer(options, silent ? undefined : addr, shutdown);
  return {
    server: {
      ...shards.own.server,
      get addr() {
        return home?.addr ?? addr;
      },
      shutdown,
      ref,
      unref,
      [Symbol.asyncDispose]: shutdown,
    },
    serving: {
      serve: (each) => ({
        drain,
        parkable,
        http: !encrypted,
        ...shards.serve(each),
      }),
      probe: lendProbe(
        shards.own.graft,
        listener.fds[listener.shard]!,
        encrypted,
      ),
      cede: shards.cede,
      become: (own) => void (home = own),
    },
  };
}

/**
 * Ends connections of HTTP/1.1 where there are too many, and the pool wants that.
 *
 * @param shards undefined until there are any, and where there can be none
 */
function movesOf(
  listener: InheritedListener,
  shards: () => DenoShards<Deno.HttpServer> | undefined,
): DenoMoves | undefined {
  const by = rebalanceOf(listener);
  if (by === undefined) return undefined;
  let seen: { sockets: readonly number[]; view: ConnectionsView } | undefined;
  const views = (): readonly ConnectionsView[] => {
    const own = shards();
    if (own === undefined) return [];
    const sockets = own.sockets();
    if (seen?.sockets.length !== sockets.length) {
      seen = { sockets: [...sockets], view: viewOf(own) };
    }
    return [seen.view];
  };
  const moves = followMoves(by, views);
  return {
    by,
    takes: moves.takes,
    // Deno 2.9.5 leaves it open after a response that says it closes.
    end: (client) => hangUp(views(), client),
  };
}

/** Says where the server listens, if it is to, and heeds the program's signal. */
function announceServer(
  options: DenoServeOptions,
  addr: Deno.NetAddr | Deno.UnixAddr | undefined,
  shutdown: () => Promise<void>,
): void {
  const { signal } = options;
  try {
    if (addr === undefined) {
      // Another one says it.
    } else if (options.onListen !== undefined) options.onListen(addr);
    else logListening(addr, options.cert !== undefined);
  } catch (error) {
    void shutdown();
    throw error;
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
