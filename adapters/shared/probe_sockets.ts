/**
 * Sockets where no file descriptor can be had: bound for a moment, to learn
 * whether an address is free and which port the kernel picks. Enough for
 * `reuseport`, where each worker binds its own.
 *
 * @module
 */

import type { ListenOptions } from "node:net";
import process from "node:process";
import { once } from "node:events";
import type { RawSocket, RawSockets } from "./raw_socket.ts";

/** Tries addresses with `node:net`. */
export const probeSockets: RawSockets = {
  tcp: (host, port, options) => {
    // Else Deno 2.9.5 throws where nobody catches.
    const { state } = Deno.permissions
      .querySync({ name: "net", host: `${host}:${port}` });
    return state === "granted"
      ? probe({ host, port, ...options })
      : Promise.reject(
        new Deno.errors.NotCapable("Deno binds it with --allow-net only"),
      );
  },
  unix: (path) => probe({ path }),
  // No mode is left in which one would be asked for.
  udp: () => Promise.reject(new Error("a socket of UDP needs libc")),
  adoptUdp: () => Promise.reject(new Error("a socket of UDP needs libc")),
  adopt: () => Promise.reject(new Error("an inherited socket needs libc")),
};

async function probe(options: ListenOptions): Promise<RawSocket> {
  const server = process.getBuiltinModule("node:net").createServer();
  server.listen(options);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return {
    // It is closed again: held, it would swallow connections.
    fd: -1,
    port: () => (typeof address === "object" ? address?.port ?? 0 : 0),
    listen: () => Promise.resolve(),
    accept: () => {
      throw new Error("Cannot accept: the socket was only tried");
    },
    rest: () => true,
    close: () => undefined,
  };
}
