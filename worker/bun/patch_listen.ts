/**
 * Has `Bun.listen` mean the pool's listeners. It takes an inherited socket over
 * by its `fd` option (Bun 1.4.4).
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { isBypassed } from "../process/bypass.ts";
import { scanUntil } from "../drain/connections.ts";
import type { Attachment, Core } from "../process/worker_core.ts";
import { cannot } from "../process/failures.ts";
import { reserve } from "../listening/reservation.ts";
import { keepListenEven } from "./even.ts";
import { sayWhere } from "./place.ts";
import { claim, giveBack, type Wanted } from "../claim/claim.ts";
import {
  mustAccept,
  mustShareByKernel,
  sharedAt,
  type SharedPlace,
} from "../claim/native_place.ts";
import type { Settings } from "../claim/settings.ts";

type Handler = (this: unknown, socket: object, ...rest: unknown[]) => unknown;

/** What is used of the handlers of a socket. */
interface Handlers {
  readonly open?: Handler;
  readonly close?: Handler;
}

/** What is used of the options of `Bun.listen`. */
interface ListenOptions {
  readonly hostname?: unknown;
  readonly port?: unknown;
  readonly unix?: unknown;
  readonly fd?: unknown;
  readonly reusePort?: unknown;
  readonly exclusive?: unknown;
  readonly socket: Handlers;
}

/** What is used of a listener. */
interface SocketListener {
  stop(closeActiveConnections?: boolean): void;
  reload(options: { readonly socket: Handlers }): void;
}

/** `Bun.listen`. */
export type BunListen = (options: ListenOptions) => SocketListener;

/** Replaces `Bun.listen`. */
export function patchBunListen(
  core: Core,
  settings: Settings,
  bun: { listen: BunListen },
): void {
  const original = bun.listen.bind(bun);
  bun.listen = (options) => {
    const wanted = isBypassed() ? undefined : wantedOf(options);
    if (wanted === undefined) return original(options);
    const alone = options.reusePort === true || options.exclusive === true;
    const found = claim(core, wanted, settings.privatePorts || alone);
    if (found.kind === "private") return original(options);
    if (found.kind === "foreign") {
      const place = mustShareByKernel(core, "Bun.listen", wanted);
      const { listener, attachment } = tracked(
        options,
        [placed(place)],
        original,
        () => {},
      );
      core.attach(attachment, undefined);
      return listener;
    }
    return listenInherited(core, options, found.listener, original);
  };
}

function listenInherited(
  core: Core,
  options: ListenOptions,
  inherited: InheritedListener,
  original: BunListen,
): SocketListener {
  const reservation = reserve(core, inherited);
  try {
    mustAccept("Bun.listen", inherited);
    const { listener, attachment } = tracked(
      options,
      inherited.mode === "reuseport"
        ? [placed(sharedAt(inherited))]
        : inherited.fds.map((fd) => ({ fd, hostname: undefined })),
      original,
      () => giveBack(core, inherited, inherited.fds.length > 0),
      inherited,
    );
    reservation.serve(attachment);
    return listener;
  } catch (error) {
    throw reservation.fail(error);
  }
}

type Place = Readonly<Record<string, unknown>>;

function placed({ host, port }: SharedPlace): Place {
  return { hostname: host === "" ? "::" : host, port, reusePort: true };
}

/** Listens, and knows the connections. */
function tracked(
  options: ListenOptions,
  places: readonly Place[],
  original: BunListen,
  closed: () => void,
  inherited?: InheritedListener,
): { listener: SocketListener; attachment: Attachment } {
  const sockets = new Set<object>();
  const shards = new Map<number, SocketListener>();
  const own = inherited?.shard ?? 0;
  let handlers = options.socket;
  let open = true;
  const watched = (): Handlers =>
    counted(handlers, sockets, () => even?.accepted());
  const listen = (shard: number): SocketListener => {
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
  const even = inherited && keepListenEven(inherited, () => sockets.size);
  const native = Object.getPrototypeOf(listener) as SocketListener;
  const stop = (now = false): void => {
    open = false;
    even?.letGo();
    for (const each of shards.values()) native.stop.call(each, now);
  };
  Object.defineProperties(listener, {
    ...inherited && sayWhere(inherited),
    stop: {
      configurable: true,
      value(now?: boolean) {
        stop(now);
        closed();
      },
    },
    reload: {
      configurable: true,
      value({ socket }: { readonly socket: Handlers }) {
        handlers = socket;
        const next = { socket: watched() };
        for (const each of shards.values()) native.reload.call(each, next);
      },
    },
  });
  return {
    listener,
    attachment: {
      drain() {
        if (open) stop();
        // Only the program can tell when such a connection is idle.
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

/** The handlers, with the open sockets counted. */
function counted(
  handlers: Handlers,
  sockets: Set<object>,
  accepted: () => void,
): Handlers {
  const wrap = (
    name: "open" | "close",
    before: (socket: object) => void,
  ): Handler =>
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

/** An object's own members over those of another, which it does not change. */
function inheriting<T extends object>(from: T, own: object): T {
  return Object.create(from, Object.getOwnPropertyDescriptors(own)) as T;
}

function wantedOf(options: ListenOptions): Wanted | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { unix, hostname, port, fd } = options;
  if (typeof fd === "number") return undefined;
  if (typeof unix === "string") return { kind: "unix", path: unix };
  if (typeof port !== "number" || !Number.isInteger(port)) return undefined;
  return {
    kind: "tcp",
    host: typeof hostname === "string" && hostname !== ""
      ? hostname
      : undefined,
    port,
  };
}
