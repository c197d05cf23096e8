/**
 * A server of `node:http` that listens nowhere: it is given connections, which
 * the servers of all three runtimes take. It is loaded with the first one, since
 * most pools are never asked (40 ms of CPU on Node 26.10).
 *
 * @module
 */

import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import process from "node:process";
import type {
  Answer,
  Answering,
  StreamAnswer,
} from "../../core/control/socket.ts";
import type { Connection } from "../../core/adapter/connection.ts";
import { write } from "./control_fetch.ts";
import { LINES_TYPE } from "./control_stream.ts";

/** How long a client may be silent, in ms. */
const SILENT_MS = 10_000;

/** How many clients are waited for at once; the oldest then has to go. */
const MAX_OPEN = 256;

/** Makes it. With `once` each connection is closed after its answer. */
export function httpServer(answer: Answer, once = false): Server {
  const { createServer } = process.getBuiltinModule("node:http");
  return createServer(async ({ method = "", url = "/", headers }, response) => {
    // A path such as "//" is none of a URL's.
    const { pathname: path, searchParams: query } = URL.canParse(url, HOST)
      ? new URL(url, HOST)
      : { pathname: url, searchParams: new URLSearchParams() };
    const { accept = "" } = headers;
    const answered = await answer({ method, path, query, accept });
    if ("lines" in answered) return await writeLines(answered, response);
    const told = write(answered);
    response.writeHead(told.status, {
      ...told.headers,
      ...(once && { connection: "close" }),
      "content-length": String(Buffer.byteLength(told.text)),
    });
    response.end(method === "HEAD" ? undefined : told.text);
  });
}

const HOST = "http://prefork";

/** Answers over connections, of which a runtime makes sockets. */
export function answering(
  answer: Answer,
  socketOf: (connection: Connection) => Socket,
): Answering {
  const open = new Set<Socket>();
  let server: Server | undefined;
  return {
    take(connection) {
      const socket = socketOf(connection);
      open.add(socket);
      socket.setTimeout(SILENT_MS, () => void socket.destroy());
      socket.on("error", () => undefined);
      socket.on("close", () => void open.delete(socket));
      server ??= httpServer(answer, true);
      server.emit("connection", socket);
      // It was made, or accepted, without reading.
      socket.resume();
      // What keeps a pool's process is the pool.
      socket.unref();
      if (open.size > MAX_OPEN) {
        const [oldest] = open;
        oldest?.destroy();
      }
    },
    [Symbol.dispose]() {
      // Who has asked still gets the answer.
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    },
  };
}

/** Writes lines as fast as they are read, until the last one or the client is gone. */
async function writeLines(
  { status, lines }: StreamAnswer,
  response: ServerResponse,
): Promise<void> {
  const left = Promise.withResolvers<void>();
  response.on("close", () => {
    lines.close();
    left.resolve();
  });
  response.writeHead(status, { "content-type": LINES_TYPE });
  response.flushHeaders();
  for (let text; (text = await lines.next()) !== undefined;) {
    if (response.write(text)) continue;
    const room = new Promise((resolve) => response.once("drain", resolve));
    await Promise.race([room, left.promise]);
  }
  response.end();
}
