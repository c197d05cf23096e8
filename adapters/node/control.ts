/**
 * Node answers whoever asks of a pool. Most pools are never asked: `node:http`,
 * which takes 40 ms of CPU to load (Node 26.10), comes with the first who does.
 *
 * @module
 */

import type { Server } from "node:http";
import net from "node:net";
import process from "node:process";
import type { Answer } from "../../core/control/socket.ts";
import type { ServeControl } from "../shared/control_socket.ts";

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

function httpServer(answer: Answer): Server {
  const { createServer } = process.getBuiltinModule("node:http");
  return createServer(async ({ method = "", url = "/" }, response) => {
    const { pathname: path, searchParams: query } = new URL(
      url,
      "http://prefork",
    );
    const { status, body } = await answer({ method, path, query });
    response.writeHead(status, { "content-type": "application/json" });
    response.end(`${JSON.stringify(body)}\n`);
  });
}
