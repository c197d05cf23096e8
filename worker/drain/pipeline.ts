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
import { hadNoRequest, type Reading, responseOf } from "./idle.ts";
import { LastResponses } from "./closing_response.ts";
import { IDLE_MS } from "./drain.ts";
import { linger } from "./linger.ts";
import type { Rebalance } from "../process/balancing.ts";
import { RUNTIME } from "../process/runtime.ts";
import { presentCore } from "../process/worker_core.ts";

/** The responses of HTTP/1.1 of a server. */
export interface Responses extends Reading {
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
  /** The last response of some connections says so, where that is wanted. */
  rebalance(by: Rebalance): void;
}

/**
 * What is known of a connection. Nothing holds a request that is over: its body,
 * and whatever its handler knew, would live on with it until the next one comes,
 * in the old generation of the heap.
 */
interface Known {
  /** When its first request came. */
  readonly since: number;
  /** What had been read when the head of its latest request was there. */
  bytes: number;
  /** The fields of that. */
  fields: Pick<IncomingMessage, "rawHeaders"> | readonly string[];
  /** It, if it may have a body: its answer can be there before that. */
  request: WeakRef<IncomingMessage> | undefined;
  /**
   * The latest response, where it is not the one that the connection is busy with
   * or has been told to be the last.
   */
  response: ServerResponse | undefined;
}

/** True where the fields of a request are made when somebody asks (Bun 1.4.4). */
const MAKES_FIELDS = RUNTIME.name === "bun";

/** A client that had sent a request before it had its answer. */
interface Pipeline {
  readonly since: number;
  readonly first: ServerResponse;
}

/** Whatever the event, whichever runtime's types know the server. */
type Emit = (
  this: Server,
  event: string | symbol,
  ...args: unknown[]
) => boolean;

/** Follows the responses of a server from this call on. */
export function trackResponses(server: Server): Responses {
  const connections = new WeakMap<Socket, Known>();
  const marked = new LastResponses();
  const pipelines = new WeakMap<Socket, Pipeline>();
  const begun = presentCore()?.requests.counter();
  /** The latest that has begun, on whatever connection. */
  let latest: ServerResponse | undefined;
  let patience: number | undefined;
  let rebalance: Rebalance | undefined;
  /** Connections that end because there are too many. */
  const leaving = new Set<Socket>();

  const latestOf = (socket: Socket): ServerResponse | undefined => {
    const known = connections.get(socket);
    return known && (known.response ?? responseOf(socket));
  };
  /** The latest request, where its body is still coming. */
  const bodyOf = (socket: Socket): IncomingMessage | undefined => {
    const request = connections.get(socket)?.request?.deref();
    return request?.complete === false ? request : undefined;
  };
  const leaves = (
    socket: Socket,
    before: Known | undefined,
    response: ServerResponse | undefined,
  ): boolean => {
    if (leaving.has(socket)) return true;
    // Of a client that does not wait for answers some could be lost.
    if (before === undefined || pipelines.has(socket)) return false;
    if (response?.writableEnded === false && !response.destroyed) return false;
    if (!rebalance!.take(before.since)) return false;
    leaving.add(socket);
    socket.once("close", () => {
      leaving.delete(socket);
      rebalance!.over();
    });
    return true;
  };
  const mark = (socket: Socket, response: ServerResponse): void => {
    if (response.headersSent) return;
    const known = connections.get(socket);
    if (known !== undefined) known.response = response;
    marked.add(response);
    if (bodyOf(socket) !== undefined) linger(socket, bodyOf);
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
      pipeline.first.writableEnded &&
      now - pipeline.since > (patience ?? IDLE_MS)
    ) return false;
    marked.delete(response);
    return true;
  };

  // Not a listener: socket.io takes those of requests away from the server, and
  // the first one of the other two events would change what http does.
  const emit = server.emit as Emit;
  const begin = (
    event: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): boolean => {
    const { socket } = request;
    // The one before it is over where a connection is busy with this one.
    const current = responseOf(socket);
    const isCurrent = current === response;
    let known = connections.get(socket);
    const before = known?.response ?? (isCurrent ? undefined : current);
    const ends = patience !== undefined ||
      (rebalance !== undefined && (rebalance.due > 0 || leaving.size > 0) &&
        leaves(socket, known, before));
    if (ends && before !== undefined && !unmark(socket, before)) {
      request.resume();
      return true;
    }
    // A listener of "checkContinue" emits "request" for the same one.
    if (latest !== response && before !== response) begun?.();
    latest = response;
    const kept = isCurrent && !ends && event === "request"
      ? undefined
      : response;
    const bytes = socket.bytesRead;
    const fields = MAKES_FIELDS ? request : request.rawHeaders;
    const mayHaveBody = request.method !== "GET" && request.method !== "HEAD";
    const weak = mayHaveBody ? new WeakRef(request) : undefined;
    if (known === undefined) {
      const since = performance.now();
      known = { since, bytes, fields, request: weak, response: kept };
      connections.set(socket, known);
    } else {
      known.bytes = bytes;
      known.fields = fields;
      known.request = weak;
      known.response = kept;
    }
    if (!ends) return emit.call(server, event, request, response);
    // A handler may answer before it returns: by then it must be known what
    // came with the same bytes.
    setImmediate(() => {
      if (latestOf(socket) === response) mark(socket, response);
      emit.call(server, event, request, response);
    });
    return true;
  };
  server.emit = ((event: string | symbol, ...args: unknown[]): boolean => {
    if (
      event === "request" || event === "checkContinue" ||
      event === "checkExpectation"
    ) {
      const [request, response] = args as [IncomingMessage, ServerResponse];
      if (request.httpVersionMajor <= 1) {
        return begin(event, request, response);
      }
    }
    return Reflect.apply(emit, server, [event, ...args]);
  }) as Server["emit"];

  return {
    close(sockets, idle) {
      patience = idle;
      for (const socket of sockets) {
        const response = latestOf(socket);
        if (response?.writableEnded === false) mark(socket, response);
      }
    },
    open: () => void (patience = undefined),
    rebalance: (by) => void (rebalance = by),
    readBefore(socket) {
      const known = connections.get(socket);
      if (known === undefined) {
        return hadNoRequest(socket) ? 0 : socket.bytesRead;
      }
      const { fields } = known;
      return hasBody("rawHeaders" in fields ? fields.rawHeaders : fields)
        ? socket.bytesRead
        : known.bytes;
    },
    readsBody: (socket) => bodyOf(socket) !== undefined,
  };
}

/** True for fields that announce a body (RFC 9112 §6.3). */
function hasBody(fields: readonly string[]): boolean {
  return fields.some((name, at) =>
    at % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(name)
  );
}
