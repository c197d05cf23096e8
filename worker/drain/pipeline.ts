/**
 * Which response is the last one on its connection: in a drain that one, and no
 * other, says `Connection: close`. A client may send several requests before it
 * reads an answer (RFC 9112 §9.3.2), and a server ends the connection behind the
 * first response that says so, whatever runs for the others.
 *
 * @module
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { hadNoRequest } from "./idle.ts";
import { presentCore } from "../process/worker_core.ts";

/** The responses of HTTP/1.1 of a server. */
export interface Responses {
  /**
   * From now on the last response of each connection says so. A request that
   * comes behind it is not run: its client will ask somebody else.
   *
   * @param sockets the connections that there are
   * @param patience how long requests are taken from a client that keeps
   * sending them before it has its answers, in ms
   */
  close(sockets: Iterable<Socket>, patience: number): void;
  /** No connection is left: the program may have the server listen again. */
  open(): void;
  /**
   * How many bytes a connection had read by the end of its latest request; what
   * came since is the beginning of the next one. All, where that is not known:
   * after a body.
   */
  readBefore(socket: Socket): number;
}

const REQUEST_EVENTS: ReadonlySet<string | symbol> = new Set([
  "request",
  "checkContinue",
  "checkExpectation",
]);

/** The latest request of a connection. */
interface Latest {
  readonly response: ServerResponse;
  /** What had been read when its head was there. */
  readonly bytes: number;
}

/** A client that had sent a request before it had its answer. */
interface Pipeline {
  readonly since: number;
  readonly first: ServerResponse;
}

/** Follows the responses of a server from this call on. */
export function trackResponses(server: Server): Responses {
  const latest = new WeakMap<Socket, Latest>();
  const marked = new WeakSet<ServerResponse>();
  const pipelines = new WeakMap<Socket, Pipeline>();
  const begun = presentCore()?.requests.counter();
  let patience: number | undefined;

  const mark = (response: ServerResponse): void => {
    if (response.headersSent) return;
    marked.add(response);
    response.setHeader("Connection", "close");
  };
  /** Takes the word "last" back; false when it has been given. */
  const unmark = (socket: Socket, response: ServerResponse): boolean => {
    if (!marked.has(response)) return true;
    if (response.headersSent) return false;
    const now = performance.now();
    const pipeline = pipelines.get(socket);
    if (pipeline === undefined) {
      pipelines.set(socket, { since: now, first: response });
    } else if (
      pipeline.first.writableEnded && now - pipeline.since > patience!
    ) return false;
    marked.delete(response);
    response.removeHeader("Connection");
    return true;
  };

  // Not a listener: socket.io takes those of requests away from the server, and
  // the first one of the other two events would change what http does.
  const emit = server.emit;
  const run = (args: readonly unknown[]): boolean =>
    Reflect.apply(emit, server, args);
  server.emit = ((...args: [string | symbol, ...unknown[]]): boolean => {
    if (!REQUEST_EVENTS.has(args[0])) return run(args);
    const [, request, response] = args as unknown as [
      string,
      IncomingMessage,
      ServerResponse,
    ];
    if (request.httpVersionMajor > 1) return run(args);
    const { socket } = request;
    const before = latest.get(socket)?.response;
    if (patience !== undefined && before !== undefined) {
      if (!unmark(socket, before)) {
        request.resume();
        return true;
      }
    }
    // A listener of "checkContinue" emits "request" for the same one.
    if (before !== response) begun?.();
    latest.set(socket, { response, bytes: socket.bytesRead });
    if (patience === undefined) return run(args);
    // A handler may answer before it returns: by then it must be known what
    // came with the same bytes.
    setImmediate(() => {
      if (latest.get(socket)?.response === response) mark(response);
      run(args);
    });
    return true;
  }) as Server["emit"];

  return {
    close(sockets, idle) {
      patience = idle;
      for (const socket of sockets) {
        const response = latest.get(socket)?.response;
        if (response !== undefined && !response.writableEnded) mark(response);
      }
    },
    open: () => void (patience = undefined),
    readBefore(socket) {
      const last = latest.get(socket);
      if (last === undefined) {
        return hadNoRequest(socket) ? 0 : socket.bytesRead;
      }
      const { headers } = last.response.req;
      return "content-length" in headers || "transfer-encoding" in headers
        ? socket.bytesRead
        : last.bytes;
    },
  };
}
