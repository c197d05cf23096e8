/**
 * The bridge from `node:http` to a fetch handler.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { RUNTIME } from "../process/runtime.ts";
import { defaultOnError, plain, replying } from "./reply.ts";
import { installLazy } from "./lazy_globals.ts";
import { lazyRequestOf } from "./lazy_request.ts";
import { requestOf } from "./request.ts";
import { writeResponse } from "./response.ts";
import type { ErrorHandler, FetchHandler, ServeInfo } from "./handler.ts";

/** A listener for the "request" event of `node:http`. */
export type RequestListener = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
) => void;

/**
 * Makes a `node:http` listener of a fetch handler. Both bodies are streamed
 * with back-pressure; the request's signal is aborted when the client goes
 * away before the response is complete. A handler that throws is answered by
 * `onError`, which writes the error to stderr and answers 500 unless given.
 *
 * The signal belongs to `request.signal` and its clones; on Deno
 * `new Request(request)` does not take it over. On Node requests and responses
 * are made when somebody looks at them, and `Response`, `Request` and `fetch` of
 * the program know them.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 *
 * createServer(bridge(() => new Response("hello\n"))).listen(8080);
 * ```
 */
export function bridge(
  handler: FetchHandler,
  onError: ErrorHandler = defaultOnError,
): RequestListener {
  const safe = replying(handler, onError);
  // Those of Deno and Bun are made of more than JavaScript, and cost less.
  const lazy = RUNTIME.name === "node";
  if (lazy) installLazy();
  const makeRequest = lazy ? lazyRequestOf : requestOf;
  const failed = (error: unknown, outgoing: ServerResponse): void => {
    if (outgoing.destroyed) return;
    const told = Promise.resolve(error).then(onError).catch(defaultOnError);
    // After the first byte a chunked response that just ended would look
    // complete; before it there is time to say so.
    if (outgoing.headersSent) return void outgoing.destroy();
    // Left behind by a head that was refused.
    outgoing.statusMessage = "";
    void told.then((r) => writeResponse(r, outgoing))
      .catch(() => outgoing.destroy());
  };
  const send = (response: Response, outgoing: ServerResponse): void => {
    try {
      const written = writeResponse(response, outgoing);
      if (written !== undefined) {
        written.catch((error: unknown) => failed(error, outgoing));
      }
    } catch (error) {
      failed(error, outgoing);
    }
  };
  return (incoming, outgoing) => {
    const request = makeRequest(incoming, outgoing);
    if (request === undefined) {
      return send(plain(400, "Bad Request"), outgoing);
    }
    const result = safe(request, new Client(incoming.socket));
    if (result instanceof Promise) {
      void result.then((response) => send(response, outgoing));
    } else send(result, outgoing);
  };
}

/** Who the client is. A class: an object with two getters costs ten times it. */
class Client implements ServeInfo {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  // Getters: asking the kernel for the peer costs a system call.
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }
}
