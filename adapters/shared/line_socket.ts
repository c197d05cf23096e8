/**
 * A socket to which a program writes lines, as Einhorn's children do to its
 * command socket. Nothing is answered.
 *
 * @module
 */

import type { Server, Socket } from "node:net";
import process from "node:process";
import type { LineSocket } from "../../core/adapter/notify_socket.ts";
import { setInheritable } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";
import { withReserve } from "./descriptors.ts";
import { socketPlace } from "./socket_place.ts";

/** The longest line, in characters, and the most connections at once. */
const LONGEST = 4096;
const MOST = 64;

/** See {@linkcode NotifySockets.lineSocket}. */
export function lineSocket(uid?: number): LineSocket {
  const place = socketPlace(uid);
  const connections = new Set<Socket>();
  const { createServer } = process.getBuiltinModule("node:net");
  const read = (connection: Socket): void => {
    connection.unref();
    connections.add(connection);
    // Who opens one after the other and ends none has the last ones.
    const [oldest] = connections;
    if (connections.size > MOST) {
      connections.delete(oldest!);
      oldest!.destroy();
    }
    let rest = "";
    connection.setEncoding("utf8");
    connection.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      if (rest.length > LONGEST) connection.destroy();
      for (const line of lines) socket.onLine(line);
    });
    connection.on("error", () => {});
    connection.on("close", () => connections.delete(connection));
  };
  const server = createServer(read);
  const socket: LineSocket = {
    path: place.path,
    onLine: () => {},
    close() {
      server.close();
      for (const each of connections) each.destroy();
      place.remove();
    },
  };
  // All three runtimes bind at once, and tell of an error later: then nothing is
  // there to be given.
  server.on("error", () => {});
  try {
    withReserve(() => server.listen(place.path));
    if (process.versions["deno"] !== undefined) disinherit(server);
    server.unref();
    place.give();
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Every child inherits what `node:net` listens on at a path on Deno 2.9.5. */
function disinherit(server: Server): void {
  const libc = libcHere();
  const { _handle } = server as { readonly _handle?: { readonly fd?: number } };
  if (libc === undefined || _handle?.fd === undefined) return;
  setInheritable(libc, _handle.fd, false);
}
