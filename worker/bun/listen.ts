/**
 * `Bun.listen` on an inherited listener: it takes the socket over by its `fd`
 * option (Bun 1.4.4).
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { lookOf, warnUnbalanced, yieldBy } from "../balance/native_servers.ts";
import { scanUntil } from "../drain/connections.ts";
import { type AcceptSwitch, shareSwitch } from "../graft/accept_switch.ts";
import { canKeep, keepSockets } from "../listening/held_sockets.ts";
import { boundHere, parkNative, type Pausing } from "../listening/park.ts";
import { type ReusePortAddress, reusePortOf } from "../match/reuse_port.ts";
import { noSocket } from "../process/errors.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { type Attachment, presentCore } from "../process/worker_core.ts";
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

/** What takes the place of an address in the options, or what they say. */
export type BunPlace = ReusePortAddress | BunPlaceOptions;

/** One of the listeners of Bun behind that of the program. */
interface Part {
  readonly native: BunListener;
  readonly balance: ListenBalance | undefined;
  /** Undefined for an address that the program keeps to itself. */
  readonly listener: InheritedListener | undefined;
  readonly shard: number;
  /** What stops it for a while, once it was. */
  accepting?: AcceptSwitch;
}

/** A listener that was started, for a place of the program's own. */
export interface StartedListen extends StartedServer<BunListener> {
  /** Its end. */
  readonly drain: Attachment["drain"];
}

/**
 * Listens for a program, and knows the connections. In the drain it stops and
 * waits for them, since only the program can tell when one of them is done.
 *
 * @param first the listener whose sockets were inherited, or an address that
 * this process binds
 * @param original Bun's own `Bun.listen`
 * @param held true when it is not to accept before it is told to serve
 * @param left called when the program stops the listener by itself
 * @throws {PreforkError} `ERR_ATTACH` when it has no such socket
 * @throws what `Bun.listen` throws for the options
 */
export function startBunListen(
  first: InheritedListener | BunPlace,
  options: BunListenOptions,
  original: BunListen,
  held = false,
  left: (spent: boolean) => void = () => {},
): StartedListen {
  const sockets = new Set<object>();
  const parts: Part[] = [];
  let handlers = options.socket;
  let open = true;
  let home: BunListener | undefined;
  const handlersOf = (balance: () => ListenBalance | undefined) =>
    counted(handlers, sockets, () => balance()?.accepted());
  const listenAt = (
    place: BunPlace,
    listener?: InheritedListener,
    shard = 0,
  ) => {
    let balance: ListenBalance | undefined;
    const socket = handlersOf(() => balance);
    const native = original(inheriting(options, { ...place, socket }));
    if (listener !== undefined && shard === listener.shard) {
      // Once for all listeners.
      const counts = parts.every(({ balance }) => balance === undefined);
      balance = balanceBunListen(listener, () => counts ? sockets.size : 0);
    }
    parts.push({ native, balance, listener, shard });
    return native;
  };
  const isAt =
    (name: string, on?: number) => ({ listener, shard }: Part): boolean =>
      listener?.name === name && (on === undefined || shard === on);
  const accept = (listener: InheritedListener, shard: number): void => {
    if (!open || parts.some(isAt(listener.name, shard))) return;
    listenAt(bunPlaceOf(listener, shard), listener, shard);
  };

  const server = held
    ? listenAt({ hostname: "127.0.0.1", port: 0 })
    : "fds" in first
    ? listenAt(bunPlaceOf(first, first.shard), first, first.shard)
    : listenAt(first);
  const { stop, reload } = Object.getPrototypeOf(server) as BunListener;
  /** Ends one; false when its socket is gone with it though it is to be kept. */
  const end = (part: Part, keeps = false, now = false): boolean => {
    const { listener, shard } = part;
    // First: while it yields its descriptor stands for something else.
    part.balance?.stop();
    part.accepting?.end();
    const kept = !keeps || listener === undefined ||
      keepSockets(listener, [shard]);
    stop.call(part.native, now);
    parts.splice(parts.indexOf(part), 1);
    return kept;
  };
  const stopAll = (keeps: boolean, now?: boolean): boolean => {
    open = false;
    home?.stop(now);
    return [...parts].map((part) => end(part, keeps, now)).every(Boolean);
  };
  /** Ends what only stood in for a place to come. */
  const endStandIn = (): void => {
    const standIn = parts.find(({ listener }) => listener === undefined);
    if (held && standIn !== undefined) end(standIn);
  };
  const members = (of: PropertyDescriptorMap): void =>
    void Object.defineProperties(server, of);
  members({
    ..."fds" in first && addressMembers(first),
    stop: {
      configurable: true,
      value(now?: boolean) {
        const first = open;
        const kept = stopAll(first, now);
        if (first) left(!kept);
      },
    },
    reload: {
      configurable: true,
      value({ socket }: { readonly socket: SocketHandlers }) {
        handlers = socket;
        for (const { native, balance } of parts) {
          reload.call(native, { socket: handlersOf(() => balance) });
        }
        home?.reload({ socket });
      },
    },
  });
  const drain = (): Promise<void> => {
    if (open) stopAll(false);
    return scanUntil(() => sockets.size === 0);
  };
  const pausing: Pausing = {
    pause() {
      for (const part of parts) {
        const { listener, shard } = part;
        if (listener === undefined) continue;
        const socket = listener.fds[shard];
        if (socket === undefined) throw boundHere(listener);
        part.accepting ??= shareSwitch(socket);
        part.accepting.quiesce();
      }
    },
    resume() {
      for (const { accepting } of parts) accepting?.resume();
    },
  };
  const parkable = parkNative(pausing, {
    finish: (_idle, _window, isOver) =>
      scanUntil(() => isOver() || sockets.size === 0),
    resume() {},
  });
  return {
    server,
    drain,
    serving: {
      serve(listener) {
        accept(listener, listener.shard);
        endStandIn();
        return {
          raw: true,
          drain,
          parkable,
          // No `release`: Bun closes the descriptor of what stops, and it may
          // be needed again.
          ...(listener.mode === "sharded" && {
            adopt(shard: number): Promise<void> {
              accept(listener, shard);
              return Promise.resolve();
            },
          }),
        };
      },
      cede({ name }) {
        if (!canKeep()) return false;
        for (const part of parts.filter(isAt(name))) end(part, true);
        return true;
      },
      become(own) {
        home = own;
        endStandIn();
        const shown = (name: "port" | "hostname"): PropertyDescriptor => ({
          configurable: true,
          enumerable: true,
          get: () => Reflect.get(own, name),
        });
        members({ port: shown("port"), hostname: shown("hostname") });
      },
    },
  };
}

function bunPlaceOf(listener: InheritedListener, shard: number): BunPlace {
  if (listener.mode === "reuseport") return reusePortOf(listener);
  const fd = listener.fds[shard];
  if (fd !== undefined) return { fd, hostname: undefined };
  throw noSocket(listener, shard);
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
  const tell = (): ListenBalance => {
    const count = balancer.count(open);
    return {
      accepted: () => balancer.accepted(1),
      stop: () => count[Symbol.dispose](),
    };
  };
  if (inherited.mode !== "balanced") return tell();
  try {
    const accepting = shareSwitch(socket);
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
    return tell();
  }
}

/** The handlers, with the open sockets counted. */
function counted(
  handlers: SocketHandlers,
  sockets: Set<object>,
  accepted: () => void,
): SocketHandlers {
  const begun = presentCore()?.requests.connected;
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
      begun?.();
      accepted();
    }),
    close: wrap("close", (socket) => sockets.delete(socket)),
  });
}
