/**
 * Connections that left HTTP by `Upgrade` or `CONNECT`, such as WebSockets.
 *
 * @module
 */

import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Handshake } from "./websocket.ts";

const UPGRADE_EVENTS: readonly string[] = ["upgrade", "connect"];

/** The connections of a server that have been upgraded. */
export interface Upgrades {
  /** True for a connection that has been. */
  has(socket: Socket): boolean;
  /** What is known of a WebSocket; undefined for anything else. */
  webSocket(socket: Socket): Handshake | undefined;
}

/**
 * The connections of a server that have been upgraded. Listens for the events
 * only while the program does: a server without such listeners treats an
 * upgrade as an ordinary request, and must go on doing so.
 */
export function trackUpgrades(server: Server): Upgrades {
  const upgraded = new WeakMap<Socket, Handshake | undefined>();
  const mark = (request: IncomingMessage, socket: Socket): void => {
    const isWebSocket = request.method === "GET" &&
      request.headers.upgrade?.toLowerCase() === "websocket";
    upgraded.set(
      socket,
      isWebSocket
        ? { written: socket.bytesWritten, since: performance.now() }
        : undefined,
    );
  };
  const hook = (event: string | symbol, listener: unknown): void => {
    if (listener === mark || !UPGRADE_EVENTS.includes(String(event))) return;
    if (!server.listeners(event).includes(mark)) {
      server.prependListener(event as string, mark);
    }
  };
  const unhook = (event: string | symbol, listener: unknown): void => {
    if (listener === mark || !UPGRADE_EVENTS.includes(String(event))) return;
    if (server.listeners(event).every((each) => each === mark)) {
      server.removeListener(event, mark);
    }
  };
  for (const event of UPGRADE_EVENTS) {
    if (server.listenerCount(event) > 0) server.prependListener(event, mark);
  }
  server.on("newListener", hook);
  server.on("removeListener", unhook);
  return {
    has: (socket) => upgraded.has(socket),
    webSocket: (socket) => upgraded.get(socket),
  };
}
