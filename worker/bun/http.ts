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
import { openShards, type Shards } from "../listening/adoption.ts";
import { putFacade } from "../listening/facade.ts";
import { lookAtSockets } from "../drain/http.ts";
import { responseOf } from "../drain/idle.ts";
import { addressOf } from "../listening/address.ts";
import { countAccepted, isLimited, limitOf } from "../listening/limit.ts";
import { feedBunHttp } from "./http_accept.ts";
import { drainOnce } from "../drain/long_lived.ts";
import { trackResponses } from "../drain/pipeline.ts";
import { trackUpgrades } from "../drain/upgrades.ts";
import { finished, type GraftedServer } from "./drain.ts";
import { listenThrough } from "./http_listen.ts";
import { startGrafted } from "./start.ts";
import { touchOf } from "../balance/native_servers.ts";

/**
 * Has a server that does not listen yet accept on a listener whose socket was
 * inherited; resolves once it does. The server shows the listener's address and
 * its `close()` cuts nothing.
 *
 * @param closed called when the program has closed the server by itself
 * @throws {PreforkError} `ERR_ATTACH` when it cannot be put there; then it does
 * not listen, and may be fed
 */
export async function inheritBunHttp(
  server: Server,
  listener: InheritedListener,
  closed: () => void = () => {},
): Promise<Attachment> {
  let shards: Shards<GraftedServer> | undefined;
  const limit = limitOf(server);
  countAccepted(limit, server);
  const { drain, draining, open } = trackBunHttp(
    server,
    () => shards,
    touchOf(listener),
  );
  // Bun accepts many at once, and closes those that are above a limit.
  let feeding: Disposable | undefined;
  const watching = limit.watch(() => {
    if (shards === undefined || !isLimited(server)) return;
    const grafts = shards.all().map(({ graft }) => graft);
    feeding ??= feedBunHttp(server, listener, limit, grafts, open);
  });
  const end: Attachment["drain"] = (idle, window) => {
    watching[Symbol.dispose]();
    feeding?.[Symbol.dispose]();
    return drain(idle, window);
  };
  // Before it listens: the program may close it as soon as it hears of that.
  const facade = putFacade(server, {
    fed: false,
    address: () => addressOf(listener),
    close: () => end(IDLE_MS, Infinity),
    draining,
    closed,
  });
  try {
    await listenThrough(server, (options, serve) => {
      shards = openShards(
        listener,
        (shard) => startGrafted(listener, shard, options, serve, open),
      );
      return shards.own.server;
    });
  } catch (error) {
    facade.hide();
    throw error;
  }
  return { drain: end, ...shards?.attachment };
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
  shards: () => Shards<GraftedServer> | undefined,
  touch: (() => void) | undefined,
): BunHttpConnections {
  // Bun emits "connection" when the first bytes have come, so there are
  // connections that only the kernel knows.
  const sockets = new Set<Socket>();
  const upgraded = trackUpgrades(server);
  const responses = trackResponses(server);
  server.prependListener("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    if (touch === undefined) return;
    presentCore()?.balancer?.accepted(1);
    touch();
  });
  let draining = false;
  const drain = drainOnce(async (idle, longLived) => {
    draining = true;
    const all = shards()?.all() ?? [];
    shards()?.quiesce();
    responses.close(sockets, idle);
    let over = false;
    // Idle ones stay as they are: `finished` ends them.
    const watch = { look: () => {} };
    void scanUntil((now) => {
      lookAtSockets(sockets, upgraded, watch, longLived(), now);
      return over;
    });
    const headsBy = (): number => longLived()?.headsBy ?? Infinity;
    // Bun counts none of the connections that were upgraded.
    const busy = (): number =>
      [...sockets].filter((socket) =>
        upgraded.has(socket) || responseOf(socket) !== undefined
      ).length;
    await Promise.all(all.map((each) => finished(each, idle, headsBy, busy)));
    over = true;
    responses.open();
    longLived()?.stop();
    await Promise.all(all.map(({ server }) => server.stop(true)));
    // Once more by its own means, for its state and its "close".
    http.Server.prototype.close.call(server);
  });
  return { drain, draining: () => draining, open: () => sockets.size };
}
