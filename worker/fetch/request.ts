/**
 * Makes a `Request` of what `node:http` received.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { bodyOf } from "./request_body.ts";
import { hasBody, headersInit, urlOf } from "./request_head.ts";
import { signalOf, withSignal } from "./request_signal.ts";

// The types of Request call `signal` a property; in all three runtimes it is a
// getter, which a getter may override.
type Base = new (
  url: string,
  init: RequestInit,
) => Omit<Request, "signal" | "clone">;

type ClientRequest = new (
  url: string,
  init: RequestInit,
  response: ServerResponse,
) => Request;

let made: ClientRequest | undefined;

/**
 * The class of requests whose signal is made when it is asked for: a signal for
 * each costs a third of the time that the whole request takes, and few handlers
 * look. It is made with the first of them, since Node loads undici for who looks
 * at `Request`.
 */
function clientRequest(): ClientRequest {
  return class ClientRequest extends (Request as unknown as Base) {
    readonly #response: ServerResponse;
    #signal: AbortSignal | undefined;

    constructor(url: string, init: RequestInit, response: ServerResponse) {
      super(url, init);
      this.#response = response;
    }

    /** Aborted when the client goes away before the response is complete. */
    get signal(): AbortSignal {
      return this.#signal ??= signalOf(this.#response);
    }

    /** A copy with the same signal. */
    clone(): Request {
      return withSignal(Request.prototype.clone.call(this), this);
    }
  };
}

/** The request, or undefined when it must be answered with 400. */
export function requestOf(
  incoming: IncomingMessage,
  response: ServerResponse,
): Request | undefined {
  const url = urlOf(incoming);
  if (url === undefined) return undefined;
  const init: RequestInit & { duplex?: "half" } = {
    method: incoming.method ?? "GET",
    headers: headersInit(incoming),
  };
  if (hasBody(incoming)) {
    init.body = bodyOf(incoming, response);
    init.duplex = "half";
  }
  try {
    return new (made ??= clientRequest())(url, init, response);
  } catch {
    // A host or a header that node:http lets through and the standard does not.
    return undefined;
  }
}
