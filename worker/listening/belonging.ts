/**
 * Makes a connection a server's own.
 *
 * @module
 */

import type { Server, Socket } from "node:net";

/** What a server keeps of its connections. */
interface Keeper {
  _connections?: number;
  readonly _emitCloseIfDrained?: unknown;
}

/**
 * Has a server that listens itself count a connection that it has not accepted:
 * its "close" waits for it then, and `getConnections()` knows of it.
 *
 * Undocumented members; the same on Node 22.12 and 26.10, Deno 2.9.5 and Bun
 * 1.4.4. Without them nothing is counted, which a drain does not depend on.
 */
export function belongTo(server: Server, socket: Socket): void {
  const keeper = server as Server & Keeper;
  if (
    typeof keeper._connections !== "number" ||
    typeof keeper._emitCloseIfDrained !== "function"
  ) return;
  keeper._connections++;
  Object.assign(socket, { server, _server: server });
}
