/**
 * The signal of a request.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import { clientGone } from "./request_errors.ts";

/**
 * A signal that aborts when the client goes away before it has its answer, or
 * when the drain ends the answer before its body does.
 */
export function signalOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    if (response.writableFinished) return;
    controller.abort(clientGone());
  };
  if (response.destroyed || response.closed) abort();
  else response.once("close", abort);
  return controller.signal;
}

/**
 * Has a request that was made of another one, and what is cloned of it, show the
 * signal of that one. By itself it has one that follows, and in Node 26.10 no
 * longer than nobody collects the request, whoever listens to its signal.
 */
export function withSignal(copy: Request, origin: Request): Request {
  return Object.defineProperties(copy, {
    signal: { configurable: true, get: () => origin.signal },
    clone: {
      configurable: true,
      writable: true,
      value: () => withSignal(Request.prototype.clone.call(copy), origin),
    },
  });
}
