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
import { finish, scanUntil } from "../drain/connections.ts";
import { type Attachment, presentCore } from "../process/worker_core.ts";
import { IDLE_MS } from "../drain/drain.ts";
import { type Acceptor, fed, takerOf } from "../listening/acceptors.ts";
import { openShards, type Shards } from "../listening/adoption.ts";
import { keepSockets } from "../listening/held_sockets.ts";
import { putFacade } from "../listening/facade.ts";
import { lookAtSockets } from "../drain/http.ts";
import { responseOf } from "../drain/idle.ts";
import { addressOf } from "../listening/address.ts";
import { countAccepted, isLimited, limitOf } from "../listening/limit.ts";
import { type BunHttpFeeding, feedBunHttp } from "./http_accept.ts";
import { drainOnce } from "../drain/long_lived.ts";
import { trackResponses } from "../drain/pipeline.ts";
import { trackUpgrades } from "../drain/upgrades.ts";
import { finished, type GraftedServer, hangUpIdle } from "./drain.ts";
import { type Finishing, parkNative, type Pausing } from "../listening/park.ts";
import { listenThrough } from "./http_listen.ts";
import { startGrafted } from "./start.ts";
import { lookOf, rebalanceOf, touchOf } from "../balance/native_servers.ts";
import { moveUpgraded } from "../drain/rebalance.ts";
import type { Rebalance } from "../process/balancing.ts";
import { kindOf } from "../process/server_kind.ts";
import type { Serving, ServingEvents } from "../serving.ts";

/**
 * What a server that does not listen yet does with listeners whose sockets were
 * inherited. The first `hold()` or `serve()` has it listen; the server shows the
 * listener's address and its `close()` cuts nothing.
 *
 * @throws {PreforkError} `ERR_ATTACH` when it cannot be put there; then it does
 * not listen, and may be fed
 */
export function createBunServing(
  server: Server,
  { left, ended }: ServingEvents,
): Serving {
  const kind = kindOf(server);
  let shards: Shards<GraftedServer> | undefined;
  let tracked: BunHttpConnections | undefined;
  let closed = false;
  const acceptors = new Set<Acceptor>();
  const limit = limitOf(server);
  countAccepted(limit, server);
  // Bun accepts many at once, and closes those that are above a limit.
  const feeding = new Map<string, BunHttpFeeding>();
  const accepting = new Map<string, InheritedListener>();
  let paused = false;
  const feed = (): void => {
    if (shards === undefined || tracked === undefined) return;
    if (!isLimited(server) || paused) return;
    const { open } = tracked;
    for (const [name, listener] of accepting) {
      if (feeding.has(name)) continue;
      const grafts = shards.of(name).map(({ graft }) => graft);
      feeding.set(name, feedBunHttp(server, listener, limit, grafts, open));
      // It closes its descriptor in the end.
      keepSockets(listener, [listener.shard]);
    }
  };
  const watching = limit.watch(feed);
  const shown = new Map<string, InheritedListener>();
  const drain: Attachment["drain"] = (idle, window) => {
    for (const acceptor of acceptors) acceptor.close();
    acceptors.clear();
    watching[Symbol.dispose]();
    for (const each of feeding.values()) each[Symbol.dispose]();
    return tracked?.drain(idle, window) ?? Promise.resolve();
  };
  const pausing: Pausing = {
    pause() {
      paused = true;
      shards?.pause();
      for (const each of feeding.values()) each.pause();
    },
    resume() {
      paused = false;
      shards?.resume();
      for (const each of feeding.values()) each.resume();
      feed();
    },
  };
  const parkable = parkNative(pausing, {
    finish: async (...how) => await tracked?.finishing.finish(...how),
    resume: () => tracked?.finishing.resume(),
  });
  /** What is to be called for each connection that Bun tells of. */
  const told = (listener: InheritedListener): (() => void) | undefined => {
    const { balancer } = presentCore() ?? {};
    const isSharded = listener.mode === "sharded";
    const act = isSharded ? lookOf(listener) : touchOf(listener);
    return act && (() => {
      // On a shard the kernel is to know of the silent ones, too: what is open is
      // looked at, and what has come with it.
      if (!isSharded || feeding.size > 0) balancer?.accepted(1);
      act();
    });
  };
  const begin = async (
    listener: InheritedListener,
    held: boolean,
  ): Promise<void> => {
    const { draining, open } = tracked = trackBunHttp(
      server,
      () => shards,
      told(listener),
      rebalanceOf(listener),
    );
    shown.set(listener.name, listener);
    // Before it listens: the program may close it as soon as it hears of that.
    const facade = putFacade(server, {
      fed: false,
      address: () => addressOf([...shown.values()].at(0) ?? listener),
      close() {
        closed = true;
        const drained = drain(IDLE_MS, Infinity);
        left(false);
        return drained;
      },
      draining,
      closed: ended,
    });
    try {
      await listenThrough(server, (options, serve) => {
        shards = openShards(
          listener,
          (each, shard, held) =>
            startGrafted(each, shard, options, serve, {
              ...(each.mode !== "sharded" && { open }),
              held,
            }),
          held,
        );
        return shards.own.server;
      });
    } catch (error) {
      facade.hide();
      throw error;
    }
  };
  return {
    get closed() {
      return closed;
    },
    expect() {},
    abandon() {},
    async hold(listener) {
      if (tracked === undefined) await begin(listener, true);
      else shown.set(listener.name, listener);
    },
    async serve(listener) {
      if (tracked === undefined) await begin(listener, false);
      shown.set(listener.name, listener);
      // One that the supervisor accepts on.
      if (listener.fds.length === 0) {
        return { drain, parkable, take: tracked!.feed(takerOf(server, kind)) };
      }
      const adopting = shards?.serve(listener);
      accepting.set(listener.name, listener);
      feed();
      return { drain, parkable, http: kind === "http", ...adopting };
    },
    async bind(place) {
      const acceptor = fed(server, kind, place, limit);
      await acceptor.started;
      if (closed) acceptor.close();
      else acceptors.add(acceptor);
      return { drain, parkable };
    },
    cede(listener) {
      const { name } = listener;
      shown.delete(name);
      accepting.delete(name);
      feeding.get(name)?.[Symbol.dispose]();
      feeding.delete(name);
      shards?.cede(listener);
      return true;
    },
  };
}

/** The connections of a server and how they end. */
interface BunHttpConnections {
  readonly drain: Attachment["drain"];
  readonly draining: () => boolean;
  /** Ends them for a while. */
  readonly finishing: Finishing;
  /** How many there are. */
  readonly open: () => number;
  /** Has it end those that were accepted elsewhere as well. */
  readonly feed: (
    take: (socket: Socket) => void,
  ) => (socket: Socket) => void;
}

function trackBunHttp(
  server: Server,
  shards: () => Shards<GraftedServer> | undefined,
  told: (() => void) | undefined,
  by: Rebalance | undefined,
): BunHttpConnections {
  // Bun emits "connection" when the first bytes have come, so there are
  // connections that only the kernel knows.
  const sockets = new Set<Socket>();
  const fed = new WeakSet<Socket>();
  const upgraded = trackUpgrades(server);
  const responses = trackResponses(server);
  server.prependListener("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    told?.();
  });
  if (by !== undefined) {
    responses.rebalance(by);
    moveUpgraded(by, sockets, upgraded);
  }
  let draining = false;
  let parked = false;
  const all = (): readonly GraftedServer[] => shards()?.all() ?? [];
  // Bun counts none of the connections that were upgraded.
  const busy = (): number =>
    [...sockets].filter((socket) =>
      upgraded.has(socket) || responseOf(socket) !== undefined
    ).length;
  const connections = drainOnce(async ({ idle, longLived, isOver }) => {
    responses.close(sockets, idle);
    let over = false;
    // Idle ones stay as they are: `finished` ends them.
    const watch = { look: () => {} };
    void scanUntil((now) => {
      if (over || isOver()) return true;
      lookAtSockets(sockets, upgraded, watch, longLived(), now);
      return false;
    });
    const headsBy = (): number => longLived()?.headsBy ?? Infinity;
    await Promise.all(
      all().map((each) => finished(each, idle, headsBy, busy, isOver)),
    );
    over = true;
    if (isOver()) return;
    for (const socket of sockets) if (fed.has(socket)) finish(socket);
  }, responses.open);
  const end = async (idle: number, window: number): Promise<void> => {
    draining = true;
    shards()?.quiesce();
    await connections.drain(idle, window);
    await Promise.all(all().map(({ server }) => server.stop(true)));
    // Once more by its own means, for its state and its "close".
    http.Server.prototype.close.call(server);
  };
  let ended: Promise<void> | undefined;
  const drain: Attachment["drain"] = (idle, window) => {
    // A second one can have what is long-lived end.
    if (ended !== undefined && window !== Infinity && !isEnded) {
      void connections.drain(idle, window);
    }
    return ended ??= end(idle, window).then(() => void (isEnded = true));
  };
  let isEnded = false;
  return {
    drain,
    draining: () => draining || parked,
    finishing: {
      async finish(idle, window, isOver) {
        if (ended !== undefined) return await ended;
        parked = true;
        const finish = (): Promise<void> => connections.drain(idle, window);
        await finish();
        await Promise.all(
          all().map((each) => hangUpIdle(each, finish, isOver)),
        );
      },
      resume() {
        parked = false;
        if (ended === undefined) connections.resume();
      },
    },
    open: () => sockets.size,
    feed: (take) => (socket) => {
      fed.add(socket);
      take(socket);
    },
  };
}
