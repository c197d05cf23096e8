/**
 * What a server shows that does not listen itself but is fed: the program may
 * ask for its address, whether it listens, and may close it.
 *
 * @module
 */

import type { Server } from "node:net";

/** What stands behind a fed server. */
export interface Behind {
  /** The address that connections come to. */
  address(): ReturnType<Server["address"]>;
  /** Stops accepting and resolves once the connections have ended. */
  close(): Promise<void>;
}

/** Gives a fed server the look of a listening one, and says that it listens. */
export function showListening(server: Server, behind: Behind): void {
  let open = true;
  const close: Server["close"] = (callback) => {
    if (!open) {
      const error = new Error("Cannot close the server: it is closed already");
      queueMicrotask(() =>
        callback?.(
          Object.assign(error, { code: "ERR_SERVER_NOT_RUNNING" }),
        )
      );
      return server;
    }
    open = false;
    void behind.close().then(() => {
      callback?.();
      server.emit("close");
    });
    return server;
  };
  Object.defineProperties(server, {
    listening: { get: () => open, configurable: true },
    address: { value: behind.address, configurable: true, writable: true },
    close: { value: close, configurable: true, writable: true },
  });
  // Node's http starts its timers for slow requests on this event.
  server.emit("listening");
}
