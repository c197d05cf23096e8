/**
 * What the program sees of a grafted server of `Bun.serve`: the server itself,
 * with the pool's address, and with methods that reach all of its shards.
 *
 * @module
 */

import { parseListener } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { BunServeOptions, BunServer } from "./types.ts";

/** What stands behind the face. */
export interface BehindBun {
  /** The servers, the one that the program sees among them. */
  readonly servers: () => readonly BunServer[];
  /** The server that a request came to. */
  readonly ownerOf: (request: Request) => BunServer;
  /** Stops all; with true at once. */
  readonly stop: (closeActiveConnections?: boolean) => Promise<void>;
  /** Replaces the handlers of all. */
  readonly reload: (options: BunServeOptions) => void;
}

/** Gives a server its face. */
export function showBunServer(
  face: BunServer,
  listener: InheritedListener,
  behind: BehindBun,
): void {
  // The face has the names of its native members, which stay beneath.
  const native = Object.getPrototypeOf(face) as BunServer;
  const call = (server: BunServer, name: keyof BunServer, args: unknown[]) =>
    Reflect.apply(native[name] as () => unknown, server, args);
  const sum = (get: (server: BunServer) => unknown): number =>
    behind.servers().reduce((all, server) => all + Number(get(server)), 0);
  const each = (name: keyof BunServer, args: unknown[] = []): void => {
    for (const server of behind.servers()) call(server, name, args);
  };
  const method = (value: unknown): PropertyDescriptor => ({
    value,
    configurable: true,
    writable: true,
  });
  const getter = (get: () => unknown): PropertyDescriptor => ({
    get,
    configurable: true,
  });
  const ofOwner = (name: "upgrade" | "requestIP" | "timeout") =>
    method((request: Request, ...rest: unknown[]) =>
      call(behind.ownerOf(request), name, [request, ...rest])
    );
  const counted = (name: "pendingRequests" | "pendingWebSockets") =>
    getter(() => sum((server) => Reflect.get(native, name, server)));

  Object.defineProperties(face, {
    ...addressOf(face, listener, getter),
    stop: method(behind.stop),
    [Symbol.dispose]: method(() => void behind.stop()),
    [Symbol.asyncDispose]: method(() => behind.stop()),
    reload: method((options: BunServeOptions) => {
      behind.reload(options);
      return face;
    }),
    upgrade: ofOwner("upgrade"),
    requestIP: ofOwner("requestIP"),
    timeout: ofOwner("timeout"),
    pendingRequests: counted("pendingRequests"),
    pendingWebSockets: counted("pendingWebSockets"),
    // Native ones know the websockets of one server. What `socket.publish()`
    // sends stays within the shard that the socket came by, as it stays within
    // the worker: to reach all clients of a pool takes a broker anyway.
    publish: method((...args: unknown[]) =>
      sum((server) => call(server, "publish", args))
    ),
    subscriberCount: method((...args: unknown[]) =>
      sum((server) => call(server, "subscriberCount", args))
    ),
    ref: method(() => each("ref")),
    unref: method(() => each("unref")),
  });
}

/** The members that show the address. */
function addressOf(
  face: BunServer,
  listener: InheritedListener,
  getter: (get: () => unknown) => PropertyDescriptor,
): Record<string, PropertyDescriptor> {
  const { address } = parseListener(listener.address);
  if (address.kind === "fd") return {};
  if (address.kind === "unix") {
    const path = address.path;
    const href = address.abstract ? `abstract://${path}` : `unix://${path}`;
    return {
      address: getter(() => address.abstract ? `\0${path}` : path),
      url: getter(() => new URL(href)),
    };
  }
  const { host, port } = address;
  const anywhere = host === "" || host === "::" || host === "0.0.0.0";
  // Bun shows "localhost" for a server on all interfaces (1.4.4).
  const shown = anywhere ? "localhost" : host;
  const scheme = face.protocol ?? "http";
  const authority = shown.includes(":") ? `[${shown}]` : shown;
  return {
    port: getter(() => port),
    hostname: getter(() => shown),
    url: getter(() => new URL(`${scheme}://${authority}:${port}/`)),
  };
}
