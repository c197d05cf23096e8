/**
 * `Bun.serve` with all of its options on the pool's listener.
 *
 * @module
 */

import { both } from "../process/request_count.ts";
import { presentCore } from "../process/worker_core.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { headPatience } from "../drain/head_patience.ts";
import { GOING_AWAY } from "../drain/websocket.ts";
import { openShards } from "../listening/adoption.ts";
import { type Spread, spreadOver } from "../drain/spread.ts";
import {
  endSessions,
  finished,
  type GraftedServer,
  hangUpIdle,
} from "./drain.ts";
import { createClosing } from "../drain/closing.ts";
import { lendProbe } from "../listening/native_probe.ts";
import { parkNative } from "../listening/park.ts";
import { putBunFacade } from "./facade.ts";
import {
  type BunMoves,
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
import { rebalanceOf, touchOf } from "../balance/native_servers.ts";
import { moveWebSockets } from "../drain/rebalance.ts";
import { followMoves } from "../graft/rebalance.ts";
import { peerOf } from "../graft/peer.ts";

/** Ends connections of HTTP/1.1 where there are too many, and the pool wants that. */
function movesOf(
  listener: InheritedListener,
  { http2 }: BunServeOptions,
  all: () => readonly GraftedServer[],
): BunMoves | undefined {
  const by = rebalanceOf(listener);
  // A response of HTTP/2 has no such header (RFC 9113 §8.2.2).
  if (by === undefined || http2 === true) return undefined;
  const moves = followMoves(by, () => all().map(({ view }) => view));
  return {
    by,
    takes(request, server) {
      const client = server.requestIP(request);
      return client !== null &&
        moves.takes(peerOf(client.address, client.port));
    },
  };
}

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
 * @param held true when it is not to accept before it is told to serve
 * @param left called when the program stops the server by itself
 * @throws {PreforkError} `ERR_ATTACH` when this cannot be done here; then no
 * server is left
 * @throws what `Bun.serve` throws for the options
 */
export function inheritBunServe(
  listener: InheritedListener,
  options: BunServeOptions,
  serve: BunServe,
  held: boolean,
  left: () => void = () => {},
): StartedServer<BunServer> {
  const closing = createClosing();
  const websockets = new Map<BunWebSocket, number>();
  const owners = new WeakMap<object, BunServer>();
  let handlers = options;
  let goodbyes: Spread<BunWebSocket> | undefined;
  // None where it cannot be started.
  let opened: { all(): readonly GraftedServer[] } | undefined;
  const handling: Handling = {
    closing,
    websockets,
    lateWebSocket: (socket) => goodbyes?.add(socket),
    touch: both(touchOf(listener), presentCore()?.requests.counter()),
    moves: movesOf(listener, options, () => opened?.all() ?? []),
  };

  moveWebSockets(
    rebalanceOf(listener),
    () => websockets,
    (socket) => socket.close(GOING_AWAY),
  );

  let home: BunServer | undefined;
  // A standby may come to have another shard.
  const { shard: firstShard } = listener;
  const shards = opened = openShards(listener, (each, shard, held): Shard => {
    // Handlers of another shard see the program's server, not their own.
    const wrap: Wrap = each === listener && shard === firstShard
      ? (handler) => handler
      : (handler) =>
        function (request, _server, ...rest) {
          owners.set(request as Request, started.server);
          return handler.call(facade, request, facade, ...rest);
        };
    const started: Shard = {
      ...startGrafted(
        each,
        shard,
        wrapped(handlers, handling, wrap),
        serve,
        { held },
      ),
      wrap,
    };
    return started;
  }, held);
  const facade = shards.own.server;
  const native = Object.getPrototypeOf(facade) as BunServer;

  const reload = (options: BunServeOptions): void => {
    for (const { server, wrap } of shards.all()) {
      native.reload.call(server, wrapped(options, handling, wrap));
    }
    handlers = options;
    home?.reload(options);
  };
  const stopNow = async (): Promise<void> => {
    await Promise.all(
      shards.all().map(({ server }) => native.stop.call(server, true)),
    );
  };

  const quiesce = (): void => {
    shards.quiesce();
    closing.begin();
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
    if (window !== Infinity) sayGoodbye(window);
    return drained;
  };
  const sayGoodbye = (window: number): void => {
    goodbyes ??= spreadOver(websockets.keys(), window, (socket) => {
      if (websockets.has(socket)) socket.close(GOING_AWAY);
    });
  };
  const parkable = parkNative(shards, {
    async finish(idle, window, isOver) {
      if (drained !== undefined) return await drained;
      closing.begin();
      if (hasFixedRoutes(handlers)) reload(handlers);
      sayGoodbye(window);
      const by = performance.now() + headPatience(window);
      const finish = (each: Shard): Promise<void> =>
        finished(each, idle, () => by, undefined, isOver);
      await Promise.all(
        shards.all().map((each) =>
          hangUpIdle(each, () => finish(each), isOver)
        ),
      );
    },
    resume() {
      if (drained !== undefined) return;
      goodbyes?.stop();
      goodbyes = undefined;
      closing.end();
      if (hasFixedRoutes(handlers)) reload(handlers);
    },
  });

  putBunFacade(facade, listener, {
    servers: () => shards.all().map(({ server }) => server),
    ownerOf: (request) => owners.get(request) ?? facade,
    home: () => home,
    reload,
    async stop(closeActiveConnections = false) {
      const first = drained === undefined;
      quiesce();
      // Another server may have the listener now, before this one has ended.
      if (first) left();
      if (closeActiveConnections) await stopNow();
      await home?.stop(closeActiveConnections);
      // Websockets stay open, as with Bun's own stop().
      await drain(IDLE_MS, Infinity);
    },
  });

  const encrypted = ["tls", "cert", "key"].some((name) =>
    (options as Record<string, unknown>)[name] !== undefined
  );
  return {
    server: facade,
    serving: {
      serve: (each) => ({
        drain,
        parkable,
        http: !encrypted,
        ...shards.serve(each),
      }),
      probe: lendProbe(
        shards.own.graft,
        listener.fds[firstShard]!,
        encrypted,
      ),
      cede: shards.cede,
      become: (own) => void (home = own),
    },
  };
}
