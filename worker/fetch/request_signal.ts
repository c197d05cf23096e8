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

/** Has a request that was cloned show the signal of the one that it is of. */
export function withSignal(copy: Request, signal: AbortSignal): Request {
  return Object.defineProperty(copy, "signal", { get: () => signal });
}
