/**
 * `node:http` and `node:https` of Bun on the pool's listener: both are
 * `Bun.serve` underneath (1.4.4), so they can be grafted as well and need not
 * be fed with connections.
 *
 * @module
 */

import http, { type Server } from "node:http";
import type { Socket } from "node:net";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { scanUntil } from "../drain/connections.ts";
import { type Attachment, presentCore } from "../process/worker_core.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { putFace } from "../listening/face.ts";
import { closeAfterResponse, lookAtSockets } from "../drain/http.ts";
import { responseOf } from "../drain/idle.ts";
import { addressOf } from "../listening/address.ts";
import { endStays, type Stays } from "../drain/stays.ts";
import { trackUpgrades } from "../drain/upgrades.ts";
import { finished, type GraftedServer } from "./drain.ts";
import { listenThrough } from "./listen_through.ts";
import { startGrafted } from "./start.ts";
import { touchOf } from "../balance/yields.ts";

/**
 * Has a server that does not listen yet accept on a listener whose socket was
 * inherited; resolves once it does. The server shows the listener's address and
 * its `close()` cuts nothing.
 *
 * @param closed called when the program has closed the server by itself
 * @throws {PreforkError} `ERR_ATTACH` when it cannot be put there; then it does
 * not listen, and may be fed
 */
export async function adoptBunHttp(
  server: Server,
  listener: InheritedListener,
  closed: () => void = () => {},
): Promise<Attachment> {
  const shards = new Map<number, GraftedServer>();
  const { drain, draining, open } = trackBunHttp(
    server,
    shards,
    touchOf(listener),
  );
  // Before it listens: the program may close it as soon as it hears of that.
  const face = putFace(server, {
    fed: false,
    address: () => addressOf(listener),
    close: () => drain(IDLE_MS, Infinity),
    draining,
    closed,
  });
  let start!: (shard: number) => GraftedServer;
  try {
    await listenThrough(server, (options, serve) => {
      start = (shard) => {
        const started = startGrafted(listener, shard, options, serve, open);
        shards.set(shard, started);
        return started;
      };
      return start(listener.shard).server;
    });
  } catch (error) {
    face.hide();
    throw error;
  }
  return {
    drain,
    ...(listener.mode === "sharded" && {
      // deno-lint-ignore require-await
      async adopt(shard: number): Promise<void> {
        if (draining()) return;
        const before = shards.get(shard);
        if (before === undefined) start(shard);
        else before.graft.resume();
      },
      release(shard: number): void {
        if (shard !== listener.shard) shards.get(shard)?.graft.quiesce();
      },
    }),
  };
}

/** The connections of a server and how they end. */
interface BunHttpConnections {
  readonly drain: Attachment["drain"];
  readonly draining: () => boolean;
  /** How many there are. */
  readonly open: () => number;
}

function trackBunHttp(
  server: Server,
  shards: ReadonlyMap<number, GraftedServer>,
  touch: (() => void) | undefined,
): BunHttpConnections {
  // Bun emits "connection" when the first bytes have come, so there are
  // connections that only the kernel knows.
  const sockets = new Set<Socket>();
  const upgraded = trackUpgrades(server);
  server.prependListener("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    if (touch === undefined) return;
    presentCore()?.balancer?.accepted(1);
    touch();
  });
  let stays: Stays | undefined;
  const begin = async (idle: number): Promise<void> => {
    const all = [...shards.values()];
    for (const { graft } of all) graft.quiesce();
    closeAfterResponse(server, sockets);
    let over = false;
    // Idle ones stay as they are: `finished` waits for them, and all end
    // together.
    const watch = { look: () => {} };
    void scanUntil((now) => {
      lookAtSockets(sockets, upgraded, watch, stays, now);
      return over;
    });
    // Bun counts none of the connections that were upgraded.
    const busy = (): boolean =>
      [...sockets].some((socket) =>
        upgraded.has(socket) || responseOf(socket) !== undefined
      );
    await Promise.all(all.map((each) => finished(each, idle, busy)));
    over = true;
    stays?.stop();
    await Promise.all(all.map(({ server }) => server.stop(true)));
    // Once more by its own means, for its state and its "close".
    http.Server.prototype.close.call(server);
  };
  let drained: Promise<void> | undefined;
  return {
    draining: () => drained !== undefined,
    open: () => sockets.size,
    drain(idle, window) {
      if (window !== Infinity) stays ??= endStays(window);
      return drained ??= begin(idle);
    },
  };
}
