/**
 * The answers of a server that is about to leave.
 *
 * @module
 */

import type { FetchHandler } from "../fetch/handler.ts";

/** The response with `Connection: close` (RFC 9112 §9.6). */
export function closing(response: Response): Response {
  try {
    response.headers.set("connection", "close");
    return response;
  } catch {
    // A response of fetch() has headers that cannot be changed.
    const copy = new Response(response.body, response);
    copy.headers.set("connection", "close");
    return copy;
  }
}

/** A handler whose responses say so once a drain has begun. */
export function closingWhen(
  draining: AbortSignal,
  handler: FetchHandler,
): FetchHandler {
  const close = (response: Response): Response =>
    draining.aborted ? closing(response) : response;
  return (request, info) => {
    const result = handler(request, info);
    return result instanceof Promise ? result.then(close) : close(result);
  };
}
