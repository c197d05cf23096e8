/**
 * `Bun.serve` with all of its options on the pool's listener.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Attachment } from "../process/worker_core.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { type Spread, spreadOver } from "../drain/spread.ts";
import { endSessions, finished, type GraftedServer } from "./drain.ts";
import { showBunServer } from "./face.ts";
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
import { touchOf } from "../balance/yields.ts";

/** A server of `Bun.serve` on an inherited listener. */
export interface AdoptedBunServer {
  /** The server, for the program. */
  readonly server: BunServer;
  /** For the worker. */
  readonly attachment: Attachment;
}

/** Going away (RFC 6455 §7.4.1). */
const GOING_AWAY = 1001;

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
export function adoptBunServe(
  listener: InheritedListener,
  options: BunServeOptions,
  serve: BunServe,
  closed: () => void = () => {},
): AdoptedBunServer {
  const stopping = new AbortController();
  const websockets = new Set<BunWebSocket>();
  const shards = new Map<number, GraftedServer>();
  const owners = new WeakMap<object, BunServer>();
  let handlers = options;
  let goodbyes: Spread<BunWebSocket> | undefined;
  const handling: Handling = {
    signal: stopping.signal,
    websockets,
    lateWebSocket: (socket) => goodbyes?.add(socket),
    touch: touchOf(listener),
  };

  const start = (shard: number, wrap: Wrap): GraftedServer => {
    const started = startGrafted(
      listener,
      shard,
      wrapped(handlers, handling, wrap),
      serve,
    );
    shards.set(shard, started);
    return started;
  };
  const own = start(listener.shard, (handler) => handler);
  const face = own.server;
  const native = Object.getPrototypeOf(face) as BunServer;

  /** Handlers of another shard see the program's server, not their own. */
  const onShard = (server: () => BunServer): Wrap => (handler) =>
    function (request, _server, ...rest) {
      owners.set(request as Request, server());
      return handler.call(face, request, face, ...rest);
    };
  const wraps = new Map<number, Wrap>([[listener.shard, (each) => each]]);
  const reload = (options: BunServeOptions): void => {
    for (const [shard, { server }] of shards) {
      const next = wrapped(options, handling, wraps.get(shard)!);
      native.reload.call(server, next);
    }
    handlers = options;
  };
  const stopNow = async (): Promise<void> => {
    const all = [...shards.values()];
    await Promise.all(all.map(({ server }) => native.stop.call(server, true)));
  };

  const quiesce = (): void => {
    for (const { graft } of shards.values()) graft.quiesce();
    stopping.abort();
  };
  const begin = async (idle: number, window: number): Promise<void> => {
    quiesce();
    if (hasFixedRoutes(handlers)) reload(handlers);
    const all = [...shards.values()];
    const over = Promise.all(all.map((each) => finished(each, idle)));
    await (options.http2 === true ? endSessions(all, over, window) : over);
    goodbyes?.stop();
    await stopNow();
  };
  let drained: Promise<void> | undefined;
  const drain = (idle: number, window: number): Promise<void> => {
    drained ??= begin(idle, window);
    if (window !== Infinity) {
      goodbyes ??= spreadOver(websockets, window, (socket) => {
        if (websockets.has(socket)) socket.close(GOING_AWAY);
      });
    }
    return drained;
  };

  showBunServer(face, listener, {
    servers: () => [...shards.values()].map(({ server }) => server),
    ownerOf: (request) => owners.get(request) ?? face,
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
    server: face,
    attachment: {
      drain,
      ...(listener.mode === "sharded" && {
        // deno-lint-ignore require-await
        async adopt(shard: number): Promise<void> {
          if (drained !== undefined) return;
          const before = shards.get(shard);
          if (before !== undefined) return before.graft.resume();
          const wrap = onShard(() => shards.get(shard)!.server);
          wraps.set(shard, wrap);
          start(shard, wrap);
        },
        release(shard: number): void {
          if (shard !== listener.shard) shards.get(shard)?.graft.quiesce();
        },
      }),
    },
  };
}
