/**
 * Node answers whoever asks of a pool.
 *
 * @module
 */

import type { Server } from "node:http";
import net from "node:net";
import type { Answer, Answering } from "../../core/control/socket.ts";
import type { ServeControl } from "../shared/control_socket.ts";
import { answering, httpServer } from "../shared/http_server.ts";
import type { NodeConnection } from "./sockets.ts";

/** See {@linkcode ServeControl}. */
export const serveControl: ServeControl = async (file, answer) => {
  let http: Server | undefined;
  const server = net.createServer((socket) => {
    http ??= httpServer(answer);
    http.emit("connection", socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(file, resolve);
  });
  // What keeps a pool's process is the pool.
  server.unref();
  return () => {
    server.close();
    http?.closeIdleConnections();
  };
};

/** See {@linkcode Adapter.answer}. */
export function answerByNode(answer: Answer): Answering {
  return answering(
    answer,
    (connection) => (connection as NodeConnection).socket(),
  );
}
