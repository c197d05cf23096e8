/**
 * Puts a server on an inherited listener, in each share mode.
 *
 * @module
 */

import type { Server as HttpServer } from "node:http";
import type { Server, Socket } from "node:net";
import process from "node:process";
import { parseListener } from "../core/options/address.ts";
import type { InheritedListener } from "../core/launch/environment.ts";
import { messageOf } from "../core/errors.ts";
import { isInherited } from "../core/options/share_mode.ts";
import { balanceNetServer } from "./balance/net_servers.ts";
import { type Attachment, presentCore } from "./process/worker_core.ts";
import { IDLE_MS } from "./drain/drain.ts";
import { putFacade } from "./listening/facade.ts";
import {
  arrivalOf,
  countAccepted,
  isLimited,
  limitOf,
  stopWhileFull,
  takeExcess,
} from "./listening/limit.ts";
import { cannot } from "./process/errors.ts";
import {
  type Acceptor,
  countAsOwn,
  descriptorOf,
  direct,
  fed,
  ownAcceptor,
  type Place,
  takerOf,
} from "./listening/acceptors.ts";
import { filterAndTrack, isFiltered } from "./filters/listener_filter.ts";
import { graftRefusal } from "./graft/graft.ts";
import { mustBeFed, type ServerKind } from "./process/server_kind.ts";
import { addressOf, bindHost } from "./listening/address.ts";
import { learnSessionIds, SESSION_IDS } from "./handoff/affinity.ts";

/**
 * Puts a server on a listener and resolves once it accepts. From the call on
 * the server shows the listener's address, and its `close()` cuts nothing.
 *
 * @param closed called when the program has closed the server by itself; told
 * whether the inherited socket was closed with it and cannot be had again
 * @throws {PreforkError} `ERR_ATTACH` when this runtime cannot
 */
export async function inherit(
  server: Server,
  kind: ServerKind,
  listener: InheritedListener,
  closed: (spent: boolean) => void = () => {},
): Promise<Attachment> {
  // Where there is nothing to graft the server listens at once, as it does
  // without a pool.
  if (mustBeFed(kind) && !isLimited(server)) {
    const graft = await graftHttp(server, listener, () => closed(false));
    if (graft !== undefined) return graft;
  }
  const { filter, connections } = filterAndTrack(server, kind, listener);
  const handed = listener.mode === "handoff";
  const balanced = listener.mode === "balanced";
  const isFed = handed || filter !== undefined || mustBeFed(kind);
  const limit = limitOf(server);
  if (!isFed) countAccepted(limit, server);
  const isHanded = handed || balanced;
  let taker = isHanded ? takerOf(server, kind, filter) : undefined;
  // One that listens itself counts a connection when it is shown it.
  const serve = (socket: Socket): void => {
    if (isFed) limit.count(socket);
    else countAsOwn(server, socket);
    taker ??= takerOf(server, kind, filter);
    taker(socket);
  };
  const core = presentCore();
  const balance = balanced && core !== undefined
    ? balanceNetServer(core, {
      listener,
      open: () => connections.count,
      take: serve,
      limit,
    })
    : undefined;
  if (handed && listener.sticky === SESSION_IDS) {
    const learned = (id: string) => void core?.worker.stick(id);
    learnSessionIds(server as HttpServer, learned);
  }
  const shards = new Map<number, Acceptor>();
  const limited: Disposable[] = [];
  let open = true;

  const stop = (): void => {
    open = false;
    balance?.stop();
    for (const each of limited) each[Symbol.dispose]();
    for (const acceptor of shards.values()) acceptor.close();
    shards.clear();
    limit.release();
  };
  const drain = (idle: number, window: number): Promise<void> => {
    if (open) stop();
    const drained = connections.drain(idle, window);
    void drained.then(() => balance?.end());
    return drained;
  };
  const begin = (acceptor: Server, shard: number): void => {
    if (balance === undefined) takeExcess(limit, acceptor, serve);
    else balance.begin(acceptor);
    const socket = listener.fds[shard] ?? descriptorOf(acceptor);
    if (socket !== undefined) limited.push(stopWhileFull(limit, socket));
  };
  const feedFrom = async (at: Place, shard: number): Promise<void> => {
    const acceptor = await fed(server, kind, at, limit, filter);
    if (!open) return acceptor.close();
    shards.set(shard, acceptor);
    begin(acceptor.server, shard);
  };

  const { show, hide } = putFacade(server, {
    fed: isFed,
    address: () => addressOf(listener),
    close: () => drain(IDLE_MS, Infinity),
    draining: () => !open,
    closed() {
      if (handed) core?.room(listener.name, Infinity);
      closed(listener.fds.length > 0);
    },
  });
  try {
    if (!isFed) {
      shards.set(listener.shard, ownAcceptor(server));
      await direct(server, inheritedPlace(listener, listener.shard));
      if (open) begin(server, listener.shard);
    } else if (!handed) {
      await feedFrom(inheritedPlace(listener, listener.shard), listener.shard);
    } else {
      const tell = (): void => core?.room(listener.name, limit.room);
      limited.push(limit.watch(tell));
      tell();
      // A server never says that it listens within the call of its listen().
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
  } catch (error) {
    hide();
    balance?.end();
    throw error;
  }
  if (isFed && open) show();

  return {
    raw: kind === "net",
    drain,
    ...(isHanded && {
      take(socket: Socket): void {
        if (open) limit.admit(arrivalOf(socket, serve));
        else serve(socket);
      },
    }),
    // No `release`: an acceptor cannot stop without closing the inherited socket,
    // which would be missing at the next death of that slot's worker. So this
    // worker goes on sharing the shard's queue until it is replaced.
    ...(listener.mode === "sharded" && {
      async adopt(shard: number): Promise<void> {
        if (!open || shards.has(shard)) return;
        await feedFrom(inheritedPlace(listener, shard), shard);
      },
    }),
  };
}

let bunHttp: typeof import("./bun/http.ts") | undefined;

/**
 * Loads what {@linkcode inherit} needs on Bun. From then on a server of
 * `node:http` is put on its listener before the call returns, as its `listen()`
 * does without a pool; programs ask for its address at once.
 */
export async function loadBunHttp(): Promise<void> {
  bunHttp ??= await import("./bun/http.ts");
}

/**
 * Grafts a server that would have to be fed, which costs half of its speed;
 * undefined where that cannot be done.
 */
async function graftHttp(
  server: Server,
  listener: InheritedListener,
  closed: () => void,
): Promise<Attachment | undefined> {
  const { mode, name } = listener;
  if (
    !isInherited(mode) || isFiltered(listener) ||
    graftRefusal() !== undefined
  ) return undefined;
  if (bunHttp === undefined) await loadBunHttp();
  try {
    return await bunHttp!.inheritBunHttp(
      server as HttpServer,
      listener,
      closed,
    );
  } catch (error) {
    process.stderr.write(
      `the server on "${name}" is fed with connections: ${messageOf(error)}\n`,
    );
    return undefined;
  }
}

function inheritedPlace(listener: InheritedListener, shard: number): Place {
  const { backlog, ipv6Only } = listener;
  if (listener.mode === "reuseport") {
    const { address } = parseListener(listener.address);
    if (address.kind === "tcp") {
      return {
        host: bindHost(address.host),
        port: address.port,
        ipv6Only,
        backlog,
        reusePort: true,
      };
    }
  }
  const fd = listener.fds[shard];
  if (fd !== undefined) return { fd, backlog };
  throw cannot(
    `attach to the listener "${listener.name}"`,
    listener.mode === "reuseport"
      ? `"${listener.address}" is no TCP address, and SO_REUSEPORT needs one`
      : `it has no socket number ${shard}`,
    'start the worker through a pool, or give the pool the share mode "shared"',
  );
}
