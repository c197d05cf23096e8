/**
 * `Bun.serve` with all of its options on the pool's listener.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { headPatience } from "../drain/head_patience.ts";
import { GOING_AWAY } from "../drain/websocket.ts";
import { openShards } from "../listening/adoption.ts";
import { type Spread, spreadOver } from "../drain/spread.ts";
import { endSessions, finished, type GraftedServer } from "./drain.ts";
import { putBunFacade } from "./facade.ts";
import {
  type Handling,
  hasFixedRoutes,
  type Wrap,
  wrapped,
} from "./requests.ts";
import { startGrafted } from "./start.ts";
import type {
  BunServe,
  BunServeOptions,
  BunServer,
  BunWebSocket,
} from "./types.ts";
import { touchOf } from "../balance/native_servers.ts";

/** The server of one shard. */
interface Shard extends GraftedServer {
  /** What its handlers are wrapped in. */
  readonly wrap: Wrap;
}

/**
 * Starts `Bun.serve` on a listener whose socket was inherited. It accepts at
 * once. The address in the options does not count.
 *
 * @param serve the runtime's own `Bun.serve`
 * @param closed called when the program has stopped the server by itself
 * @throws {PreforkError} `ERR_ATTACH` when this cannot be done here; then no
 * server is left
 * @throws what `Bun.serve` throws for the options
 */
export function inheritBunServe(
  listener: InheritedListener,
  options: BunServeOptions,
  serve: BunServe,
  closed: () => void = () => {},
): StartedServer<BunServer> {
  const stopping = new AbortController();
  const websockets = new Set<BunWebSocket>();
  const owners = new WeakMap<object, BunServer>();
  let handlers = options;
  let goodbyes: Spread<BunWebSocket> | undefined;
  const handling: Handling = {
    signal: stopping.signal,
    websockets,
    lateWebSocket: (socket) => goodbyes?.add(socket),
    touch: touchOf(listener),
  };

  const shards = openShards(listener, (shard): Shard => {
    // Handlers of another shard see the program's server, not their own.
    const wrap: Wrap = shard === listener.shard
      ? (handler) => handler
      : (handler) =>
        function (request, _server, ...rest) {
          owners.set(request as Request, started.server);
          return handler.call(facade, request, facade, ...rest);
        };
    const started: Shard = {
      ...startGrafted(
        listener,
        shard,
        wrapped(handlers, handling, wrap),
        serve,
      ),
      wrap,
    };
    return started;
  });
  const facade = shards.own.server;
  const native = Object.getPrototypeOf(facade) as BunServer;

  const reload = (options: BunServeOptions): void => {
    for (const { server, wrap } of shards.all()) {
      native.reload.call(server, wrapped(options, handling, wrap));
    }
    handlers = options;
  };
  const stopNow = async (): Promise<void> => {
    await Promise.all(
      shards.all().map(({ server }) => native.stop.call(server, true)),
    );
  };

  const quiesce = (): void => {
    shards.quiesce();
    stopping.abort();
  };
  const begin = async (idle: number, window: number): Promise<void> => {
    quiesce();
    if (hasFixedRoutes(handlers)) reload(handlers);
    const all = shards.all();
    const over = Promise.all(
      all.map((each) => finished(each, idle, () => headsBy)),
    );
    await (options.http2 === true ? endSessions(all, over, window) : over);
    goodbyes?.stop();
    await stopNow();
  };
  let drained: Promise<void> | undefined;
  let headsBy = Infinity;
  const drain = (idle: number, window: number): Promise<void> => {
    headsBy = Math.min(headsBy, performance.now() + headPatience(window));
    drained ??= begin(idle, window);
    if (window !== Infinity) {
      goodbyes ??= spreadOver(websockets, window, (socket) => {
        if (websockets.has(socket)) socket.close(GOING_AWAY);
      });
    }
    return drained;
  };

  putBunFacade(facade, listener, {
    servers: () => shards.all().map(({ server }) => server),
    ownerOf: (request) => owners.get(request) ?? facade,
    reload,
    async stop(closeActiveConnections = false) {
      const first = drained === undefined;
      if (closeActiveConnections) {
        quiesce();
        await stopNow();
      }
      // Websockets stay open, as with Bun's own stop().
      await drain(IDLE_MS, Infinity);
      if (first) closed();
    },
  });

  return {
    server: facade,
    attachment: { drain, ...shards.attachment },
  };
}
