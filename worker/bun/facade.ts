/**
 * What the program sees of a grafted server of `Bun.serve`: the server itself,
 * with the pool's address, and with methods that reach all of its shards. Bun's
 * own members are getters of its class, so they are covered on the object; Deno's
 * is a plain object, which `deno/serve.ts` writes anew.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { bunAddress } from "./address.ts";
import type { BunServeOptions, BunServer } from "./types.ts";

/** What stands behind the facade. */
export interface BunFacadeTarget {
  /** The servers, the one that the program sees among them. */
  readonly servers: () => readonly BunServer[];
  /** The server at an address of the program's own, once there is one. */
  readonly home: () => BunServer | undefined;
  /** The server that a request came to. */
  readonly ownerOf: (request: Request) => BunServer;
  /** Stops all; with true at once. */
  readonly stop: (closeActiveConnections?: boolean) => Promise<void>;
  /** Replaces the handlers of all. */
  readonly reload: (options: BunServeOptions) => void;
}

/** Makes a server the facade of all. */
export function putBunFacade(
  facade: BunServer,
  listener: InheritedListener,
  target: BunFacadeTarget,
): void {
  // The facade has the names of its native members, which stay beneath.
  const native = Object.getPrototypeOf(facade) as BunServer;
  const call = (server: BunServer, name: keyof BunServer, args: unknown[]) =>
    Reflect.apply(native[name] as () => unknown, server, args);
  const sum = (get: (server: BunServer) => unknown): number =>
    target.servers().reduce((all, server) => all + Number(get(server)), 0);
  const each = (name: keyof BunServer, args: unknown[] = []): void => {
    for (const server of target.servers()) call(server, name, args);
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
      call(target.ownerOf(request), name, [request, ...rest])
    );
  const counted = (name: "pendingRequests" | "pendingWebSockets") =>
    getter(() => sum((server) => Reflect.get(native, name, server)));

  Object.defineProperties(facade, {
    ...addressGetters(facade, listener, getter, target.home),
    stop: method(target.stop),
    [Symbol.dispose]: method(() => void target.stop()),
    [Symbol.asyncDispose]: method(() => target.stop()),
    reload: method((options: BunServeOptions) => {
      target.reload(options);
      return facade;
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
function addressGetters(
  facade: BunServer,
  listener: InheritedListener,
  getter: (get: () => unknown) => PropertyDescriptor,
  home: BunFacadeTarget["home"],
): PropertyDescriptorMap {
  const address = bunAddress(listener, facade.protocol ?? "http");
  if (address === undefined) return {};
  const shown = "path" in address
    ? { address: address.abstract ? `\0${address.path}` : address.path }
    : { port: address.port, hostname: address.hostname };
  const members = Object.entries({ ...shown, url: address.url });
  return Object.fromEntries(members.map(([name, value]) => [
    name,
    getter(() => {
      const own = home();
      if (own !== undefined) return Reflect.get(own, name);
      return name === "url" ? new URL(address.url) : value;
    }),
  ]));
}
