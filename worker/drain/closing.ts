/**
 * The answers of a server that is about to leave.
 *
 * @module
 */

import type { FetchHandler } from "../fetch/handler.ts";

/**
 * The response with `Connection: close` (RFC 9112 §9.6), and nothing else about
 * its connection: a proxy passes on what another server has said of its own.
 */
export function closing(response: Response): Response {
  try {
    close(response.headers);
    return response;
  } catch {
    // A response of fetch() has headers that cannot be changed.
    const copy = new Response(response.body, response);
    close(copy.headers);
    return copy;
  }
}

function close(headers: Headers): void {
  headers.set("connection", "close");
  headers.delete("keep-alive");
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

/** Whether a server ends its connections, which it can take back. */
export interface Closing {
  /** True while it does: every response says so. */
  active: boolean;
  /** Aborted then; another one after that was taken back. */
  signal: AbortSignal;
  /** Begins. */
  begin(): void;
  /** Takes it back. */
  end(): void;
}

/** Makes what a server's handlers look at: members, as they do for each request. */
export function createClosing(): Closing {
  let controller = new AbortController();
  const closing: Closing = {
    active: false,
    signal: controller.signal,
    begin() {
      closing.active = true;
      controller.abort();
    },
    end() {
      if (!closing.active) return;
      controller = new AbortController();
      closing.signal = controller.signal;
      closing.active = false;
    },
  };
  return closing;
}
