/**
 * What a server shows that the pool's connections come to: where it listens,
 * whether it does, and a `close()` that cuts nothing.
 *
 * @module
 */

import type { Server as HttpServer } from "node:http";
import type { Server } from "node:net";

/** What stands behind a server. */
export interface FacadeTarget {
  /** True for a server that does not listen itself but is fed. */
  readonly fed: boolean;
  /** The address that connections come to. */
  address(): ReturnType<Server["address"]>;
  /** Stops accepting and resolves once the connections have ended. */
  close(): Promise<void>;
  /** True once connections are being ended with care. */
  draining(): boolean;
  /** The program has closed the server and may have it listen again. */
  closed(): void;
}

/** The facade of a server. */
export interface Facade {
  /** Says that it listens, for one that does not do so itself. */
  show(): void;
  /** Gives the server back its own. */
  hide(): void;
}

/** Puts the facade before a server. */
export function putFacade(server: Server, target: FacadeTarget): Facade {
  // What the server had of its own: on Bun "listening" is such a property.
  const before = new Map<string, PropertyDescriptor | undefined>();
  let asked = false;
  let open = true;
  // The runtime emits it for a server that listens itself, also when the pool
  // had it stop before the program did.
  let closed = false;
  server.once("close", () => closed = true);
  const hide = (): void => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(server, name);
      else if (name === "listening" && "value" in descriptor) {
        Object.defineProperty(server, name, { ...descriptor, value: false });
      } else Object.defineProperty(server, name, descriptor);
    }
  };
  const end = (callback: ((error?: Error) => void) | undefined): void => {
    hide();
    target.closed();
    callback?.();
    if (target.fed) server.emit("close");
  };
  const close: Server["close"] = (callback) => {
    if (asked) {
      const error = Object.assign(new Error("Server is not running."), {
        code: "ERR_SERVER_NOT_RUNNING",
      });
      queueMicrotask(() => callback?.(error));
      return server;
    }
    asked = true;
    open = false;
    const ended = target.close();
    if (target.fed || closed) void ended.then(() => end(callback));
    else server.once("close", () => end(callback));
    return server;
  };
  const put = (name: string, descriptor: PropertyDescriptor): void => {
    before.set(name, Object.getOwnPropertyDescriptor(server, name));
    Object.defineProperty(server, name, { ...descriptor, configurable: true });
  };
  put("close", { value: close, writable: true });
  const { closeIdleConnections } = server as Partial<HttpServer>;
  if (closeIdleConnections !== undefined) {
    // Frameworks call it when they close. The drain ends idle connections
    // anyway, but not one that was accepted a moment ago.
    const value = (): void => {
      if (!target.draining()) closeIdleConnections.call(server as HttpServer);
    };
    put("closeIdleConnections", { value, writable: true });
  }
  const own = server.address.bind(server);
  // Also when the pool has it stop: to the program it listens until the program
  // closes it. No runtime knows the path of a Unix socket that it was given.
  // Bun assigns it (1.4.4); what it says counts again once it is hidden.
  put("listening", { get: () => open, set: () => {} });
  put("address", {
    value: () => open ? target.address() : own(),
    writable: true,
  });
  // Node's http starts its timers for slow requests on this event.
  return { show: () => void server.emit("listening"), hide };
}
