/**
 * `Bun.listen` on an inherited listener: it takes the socket over by its `fd`
 * option (Bun 1.4.4).
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { lookOf, warnUnbalanced, yieldBy } from "../balance/native_servers.ts";
import { scanUntil } from "../drain/connections.ts";
import { switchAccepting } from "../graft/accept_switch.ts";
import type { ReusePortAddress } from "../match/reuse_port.ts";
import { cannot } from "../process/errors.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { presentCore } from "../process/worker_core.ts";
import { addressMembers } from "./address.ts";
import { inheriting } from "./options.ts";
import type { BunPlaceOptions } from "./wanted.ts";

type SocketHandler = (
  this: unknown,
  socket: object,
  ...rest: unknown[]
) => unknown;

/** What is used of the handlers of a socket. */
interface SocketHandlers {
  readonly open?: SocketHandler;
  readonly close?: SocketHandler;
}

/** The options of `Bun.listen`, as far as they are looked at. */
export interface BunListenOptions extends BunPlaceOptions {
  /** True to share the port by SO_REUSEPORT. */
  readonly reusePort?: unknown;
  /** True to share it with nobody. */
  readonly exclusive?: unknown;
  /** The handlers of its connections. */
  readonly socket: SocketHandlers;
}

/** A listener of `Bun.listen`. */
export interface BunListener {
  /** Stops accepting; with true its connections end at once. */
  stop(closeActiveConnections?: boolean): void;
  /** Replaces the handlers. */
  reload(options: { readonly socket: SocketHandlers }): void;
}

/** `Bun.listen` itself. */
export type BunListen = (options: BunListenOptions) => BunListener;

/** What takes the place of an address in the options. */
type BunPlace = ReusePortAddress | {
  readonly fd: number;
  readonly hostname: undefined;
};

/**
 * Listens on the sockets of an inherited listener. In the drain it stops and
 * waits for the connections, since only the program can tell when one of them
 * is done.
 *
 * @param original Bun's own `Bun.listen`
 * @param closed called when the program has stopped the listener by itself
 * @throws {PreforkError} `ERR_ATTACH` when it has no such socket
 * @throws what `Bun.listen` throws for the options
 */
export function inheritBunListen(
  inherited: InheritedListener,
  options: BunListenOptions,
  original: BunListen,
  closed: () => void,
): StartedServer<BunListener> {
  const places = inherited.fds.map((fd) => ({ fd, hostname: undefined }));
  return listenAt(places, options, original, closed, inherited);
}

/**
 * Listens at one of several places, and knows the connections.
 *
 * @param inherited the listener that it is for, if it is one of the pool's
 */
export function listenAt(
  places: readonly BunPlace[],
  options: BunListenOptions,
  original: BunListen,
  closed: () => void,
  inherited?: InheritedListener,
): StartedServer<BunListener> {
  const sockets = new Set<object>();
  const shards = new Map<number, BunListener>();
  const own = inherited?.shard ?? 0;
  let handlers = options.socket;
  let open = true;
  const watched = (): SocketHandlers =>
    counted(handlers, sockets, () => balance?.accepted());
  const listen = (shard: number): BunListener => {
    const place = places[shard];
    if (place === undefined) {
      throw cannot(
        `attach to the listener "${inherited?.name}"`,
        `it has no socket number ${shard}`,
        "start the worker through a pool of the same version",
      );
    }
    const listener = original(
      inheriting(options, { ...place, socket: watched() }),
    );
    shards.set(shard, listener);
    return listener;
  };
  const listener = listen(own);
  const balance = inherited && balanceBunListen(inherited, () => sockets.size);
  const native = Object.getPrototypeOf(listener) as BunListener;
  const stop = (now = false): void => {
    open = false;
    balance?.stop();
    for (const each of shards.values()) native.stop.call(each, now);
  };
  Object.defineProperties(listener, {
    ...inherited && addressMembers(inherited),
    stop: {
      configurable: true,
      value(now?: boolean) {
        stop(now);
        closed();
      },
    },
    reload: {
      configurable: true,
      value({ socket }: { readonly socket: SocketHandlers }) {
        handlers = socket;
        const next = { socket: watched() };
        for (const each of shards.values()) native.reload.call(each, next);
      },
    },
  });
  return {
    server: listener,
    attachment: {
      raw: true,
      drain() {
        if (open) stop();
        return scanUntil(() => sockets.size === 0);
      },
      // No `release`: Bun closes the descriptor of what stops, and it may be
      // needed again.
      ...(inherited?.mode === "sharded" && {
        adopt(shard: number): Promise<void> {
          if (open && !shards.has(shard)) listen(shard);
          return Promise.resolve();
        },
      }),
    },
  };
}

/** What keeps the load of one listener even. */
interface ListenBalance {
  /**
   * A connection was accepted. Bun says so before it accepts the next one
   * (1.4.4).
   */
  accepted(): void;
  /** Gives the listener its socket back, so that it can be stopped. */
  stop(): void;
}

/**
 * Keeps it even where the listener is `balanced`; undefined elsewhere. It must
 * accept already.
 *
 * @param open how many connections it has
 */
function balanceBunListen(
  inherited: InheritedListener,
  open: () => number,
): ListenBalance | undefined {
  const balancer = presentCore()?.balancer;
  const socket = inherited.fds[inherited.shard];
  const look = lookOf(inherited);
  if (balancer === undefined || look === undefined || socket === undefined) {
    return undefined;
  }
  try {
    const accepting = switchAccepting(socket);
    const yielding = yieldBy(inherited, accepting, socket, open);
    return {
      accepted() {
        balancer.accepted(1);
        look();
      },
      stop() {
        yielding.quiesce();
        accepting.end();
      },
    };
  } catch (error) {
    warnUnbalanced(error, inherited.name);
    // The others need to know of its load.
    const count = balancer.count(open);
    return {
      accepted: () => balancer.accepted(1),
      stop: () => count[Symbol.dispose](),
    };
  }
}

/** The handlers, with the open sockets counted. */
function counted(
  handlers: SocketHandlers,
  sockets: Set<object>,
  accepted: () => void,
): SocketHandlers {
  const wrap = (
    name: "open" | "close",
    before: (socket: object) => void,
  ): SocketHandler =>
    function (socket, ...rest) {
      before(socket);
      return handlers[name]?.call(this, socket, ...rest);
    };
  return inheriting(handlers, {
    open: wrap("open", (socket) => {
      sockets.add(socket);
      accepted();
    }),
    close: wrap("close", (socket) => sockets.delete(socket)),
  });
}
