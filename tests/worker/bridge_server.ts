/**
 * A server with the bridge, in this process, on the runner's own runtime.
 *
 * @module
 */
import http from "node:http";
import net from "node:net";
import { bridge } from "../../worker/fetch/bridge.ts";
import type { ErrorHandler, FetchHandler } from "../../worker/fetch/handler.ts";
import { runner } from "../harness.ts";
import { connect } from "./client.ts";

/** A running server. */
export interface BridgeServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

/** Starts a server; dispose it to close it. */
export async function startBridge(
  handler: FetchHandler,
  onError?: ErrorHandler,
): Promise<BridgeServer> {
  const server = http.createServer(bridge(handler, onError));
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  // As in a pool: on Bun a node:http server is fed with connections.
  const front = runner === "bun"
    ? net.createServer({ allowHalfOpen: true }, (socket) => {
      server.emit("connection", socket);
    })
    : server;
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const { port } = front.address() as net.AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) =>
        front.close(() => resolve())
      );
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A promise and what settles it. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => resolve = done);
  return { promise, resolve };
}

/** Sends raw text and gives everything that came back until the end. */
export async function raw(
  handler: FetchHandler,
  text: string,
  onError?: (error: unknown) => Response,
): Promise<string> {
  const server = await startBridge(handler, onError);
  try {
    const client = await connect(server.port);
    client.send(text);
    await client.ended;
    client.close();
    return client.text();
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

/** A host, and a connection for one request. */
export const CLOSE: string = "Host: example.test\r\nConnection: close\r\n";
/** A request for a path. */
export const get = (path: string, more = ""): string =>
  `GET ${path} HTTP/1.1\r\n${CLOSE}${more}\r\n`;
