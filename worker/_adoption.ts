/**
 * Puts a server on an inherited listener, in each share mode.
 *
 * @module
 */

import type { Server } from "node:net";
import { parseListener } from "../core/address.ts";
import type { InheritedListener } from "../core/environment.ts";
import type { Attachment } from "./_core.ts";
import { showListening } from "./_face.ts";
import { cannot } from "./_failures.ts";
import {
  direct,
  fed,
  type Front,
  mustBeFed,
  type Place,
  takerOf,
} from "./_fronts.ts";
import { type ServerKind, track } from "./_kinds.ts";

/**
 * Puts a server on a listener and resolves once it accepts.
 *
 * @throws {PreforkError} `ERR_ATTACH` when this runtime cannot
 */
export async function adopt(
  server: Server,
  kind: ServerKind,
  listener: InheritedListener,
): Promise<Attachment> {
  const take = listener.mode === "handoff" ? takerOf(server, kind) : undefined;
  const connections = track(server, kind);
  const shards = new Map<number, Front>();
  let open = true;

  const stop = (): void => {
    open = false;
    for (const front of shards.values()) front.close();
    shards.clear();
  };
  const drain = (idle: number): Promise<void> => {
    if (open) stop();
    return connections.drain(idle);
  };
  const feedFrom = async (at: Place, shard: number): Promise<Front> => {
    const front = await fed(server, kind, at);
    if (open) shards.set(shard, front);
    else front.close();
    return front;
  };
  const show = (address: () => ReturnType<Server["address"]>): void =>
    showListening(server, { address, close: () => drain(IDLE_ON_CLOSE) });

  if (listener.mode === "handoff") {
    show(() => addressOf(listener));
  } else {
    const at = placeOf(listener, listener.shard);
    if (mustBeFed(kind)) {
      const front = await feedFrom(at, listener.shard);
      show(() => front.address() ?? addressOf(listener));
    } else {
      shards.set(listener.shard, await direct(server, at));
      // A program that closes the server itself has closed this front.
      server.once("close", () => shards.delete(listener.shard));
    }
  }

  return {
    drain,
    ...(take !== undefined && { take }),
    ...(listener.mode === "sharded" && {
      async adopt(shard: number): Promise<void> {
        if (!open || shards.has(shard)) return;
        await feedFrom(placeOf(listener, shard), shard);
      },
      release(shard: number): void {
        if (shard === listener.shard) return;
        shards.get(shard)?.close();
        shards.delete(shard);
      },
    }),
  };
}

/**
 * How long idle connections get when the program closes a fed server, in ms:
 * none, as `http.Server.close()` gives none.
 */
const IDLE_ON_CLOSE = 0;

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

function addressOf(listener: InheritedListener): ReturnType<Server["address"]> {
  const { address } = parseListener(listener.address);
  if (address.kind === "fd") return null;
  if (address.kind === "unix") {
    return `${address.abstract ? "\0" : ""}${address.path}`;
  }
  const host = address.host === "" ? "::" : address.host;
  return {
    address: host,
    port: address.port,
    family: host.includes(":") ? "IPv6" : "IPv4",
  };
}
