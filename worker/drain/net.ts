/**
 * The drain of `node:net` and `node:tls` servers.
 *
 * @module
 */

import type { Server, Socket } from "node:net";
import {
  type Connections,
  type PendingConnections,
  scanUntil,
} from "./connections.ts";
import { headPatience } from "./head_patience.ts";
import { presentCore } from "../process/worker_core.ts";
import { watchIdle } from "./idle.ts";

/**
 * The connections of a server whose protocol prefork does not know, tracked
 * from this call on. They stay until they end: only the program can tell when
 * one of them is idle, and learns from `worker.draining` that it should.
 */
export function trackNet(
  server: Server,
  waiting: PendingConnections,
): Connections {
  const sockets = new Set<Socket>();
  const begun = presentCore()?.requests.connected;
  server.prependListener("connection", (socket: Socket) => {
    sockets.add(socket);
    begun?.();
    socket.once("close", () => sockets.delete(socket));
  });
  let drains = 0;
  const connections: Connections = {
    get count() {
      return sockets.size + waiting.size;
    },
    drain(idle, window) {
      const watch = watchIdle(idle);
      const headsBy = performance.now() + headPatience(window);
      const own = drains;
      return scanUntil((now) => {
        if (own !== drains) return true;
        for (const socket of waiting) watch.look(socket, now, headsBy);
        return connections.count === 0;
      });
    },
    resume: () => void drains++,
  };
  return connections;
}
