/**
 * The bridge from `node:http` to a fetch handler.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { defaultOnError, plain, replying } from "./reply.ts";
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
 * The signal belongs to `request.signal` and its clones; `new Request(request)`
 * does not take it over.
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
  const failed = (error: unknown, outgoing: ServerResponse): void => {
    // The body failed before its first byte: there is time to say so.
    if (outgoing.destroyed) return;
    if (outgoing.headersSent) return void outgoing.destroy();
    void Promise.resolve(error).then(onError).catch(defaultOnError).then((r) =>
      writeResponse(r, outgoing)
    ).catch(() => outgoing.destroy());
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
    const request = requestOf(incoming, outgoing);
    if (request === undefined) {
      return send(plain(400, "Bad Request"), outgoing);
    }
    const result = safe(request, infoOf(incoming));
    if (result instanceof Promise) {
      void result.then((response) => send(response, outgoing));
    } else send(result, outgoing);
  };
}

function infoOf({ socket }: IncomingMessage): ServeInfo {
  // Getters: asking the kernel for the peer costs a system call.
  return {
    get remoteAddress() {
      return socket.remoteAddress;
    },
    get remotePort() {
      return socket.remotePort;
    },
  };
}
