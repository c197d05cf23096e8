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
import { keepEven } from "./balance/accepting.ts";
import { belongTo } from "./listening/belonging.ts";
import { type Attachment, presentCore } from "./process/worker_core.ts";
import { IDLE_MS } from "./drain/drain.ts";
import { putFace } from "./listening/face.ts";
import { cannot } from "./process/failures.ts";
import {
  direct,
  fed,
  type Front,
  mustBeFed,
  ownFront,
  type Place,
  takerOf,
} from "./listening/fronts.ts";
import { gateAndTrack, isGated } from "./listening/filters.ts";
import { graftRefusal } from "./graft/graft.ts";
import type { ServerKind } from "./listening/kinds.ts";
import { addressOf } from "./listening/address.ts";
import { adoptBunHttp } from "./bun/http.ts";
import { learnSessionIds, SESSION_IDS } from "./handoff/affinity.ts";

/**
 * Puts a server on a listener and resolves once it accepts. From the call on
 * the server shows the listener's address, and its `close()` cuts nothing.
 *
 * @param closed called when the program has closed the server by itself; told
 * whether the inherited socket was closed with it and cannot be had again
 * @throws {PreforkError} `ERR_ATTACH` when this runtime cannot
 */
export async function adopt(
  server: Server,
  kind: ServerKind,
  listener: InheritedListener,
  closed: (spent: boolean) => void = () => {},
): Promise<Attachment> {
  // Where there is nothing to graft the server listens at once, as it does
  // without a pool.
  if (mustBeFed(kind)) {
    const graft = await grafted(server, listener, () => closed(false));
    if (graft !== undefined) return graft;
  }
  const { gate, connections } = gateAndTrack(server, kind, listener);
  const handed = listener.mode === "handoff";
  const balanced = listener.mode === "balanced";
  const isFed = handed || gate !== undefined || mustBeFed(kind);
  const serve = handed || balanced ? takerOf(server, kind, gate) : undefined;
  const take = serve && ((socket: Socket): void => {
    if (!isFed) belongTo(server, socket);
    serve(socket);
  });
  const core = presentCore();
  const even = balanced && core !== undefined && take !== undefined
    ? keepEven(core, {
      listener,
      open: () => connections.count,
      take,
    })
    : undefined;
  if (handed && listener.sticky === SESSION_IDS) {
    const learned = (id: string) => void core?.worker.stick(id);
    learnSessionIds(server as HttpServer, learned);
  }
  const shards = new Map<number, Front>();
  let open = true;

  const stop = (): void => {
    open = false;
    even?.stop();
    for (const front of shards.values()) front.close();
    shards.clear();
  };
  const drain = (idle: number, window: number): Promise<void> => {
    if (open) stop();
    const drained = connections.drain(idle, window);
    void drained.then(() => even?.end());
    return drained;
  };
  const feedFrom = async (at: Place, shard: number): Promise<void> => {
    const front = await fed(server, kind, at, gate);
    if (!open) return front.close();
    shards.set(shard, front);
    even?.begin(front.server);
  };
  const face = {
    fed: isFed,
    address: () => addressOf(listener),
    close: () => drain(IDLE_MS, Infinity),
    draining: () => !open,
    closed: () => closed(listener.fds.length > 0),
  };

  const { show, hide } = putFace(server, face);
  try {
    if (!isFed) {
      shards.set(listener.shard, ownFront(server));
      await direct(server, placeOf(listener, listener.shard));
      if (open) even?.begin(server);
    } else if (!handed) {
      await feedFrom(placeOf(listener, listener.shard), listener.shard);
    } else {
      // A server never says that it listens within the call of its listen().
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
  } catch (error) {
    hide();
    even?.end();
    throw error;
  }
  if (isFed && open) show();

  return {
    drain,
    ...(take !== undefined && { take }),
    // No `release`: a front cannot stop without closing the inherited socket,
    // which would be missing at the next death of that slot's worker. So this
    // worker goes on sharing the shard's queue until it is replaced.
    ...(listener.mode === "sharded" && {
      async adopt(shard: number): Promise<void> {
        if (!open || shards.has(shard)) return;
        await feedFrom(placeOf(listener, shard), shard);
      },
    }),
  };
}

/**
 * Grafts a server that would have to be fed, which costs half of its speed;
 * undefined where that cannot be done.
 */
async function grafted(
  server: Server,
  listener: InheritedListener,
  closed: () => void,
): Promise<Attachment | undefined> {
  const { mode, name } = listener;
  if (
    !isInherited(mode) || isGated(listener) ||
    graftRefusal() !== undefined
  ) return undefined;
  try {
    return await adoptBunHttp(server as HttpServer, listener, closed);
  } catch (error) {
    process.stderr.write(
      `the server on "${name}" is fed with connections: ${messageOf(error)}\n`,
    );
    return undefined;
  }
}

function placeOf(listener: InheritedListener, shard: number): Place {
  const { backlog, ipv6Only } = listener;
  if (listener.mode === "reuseport") {
    const { address } = parseListener(listener.address);
    if (address.kind === "tcp") {
      return {
        host: address.host === "" ? "::" : address.host,
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
