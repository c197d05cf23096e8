/**
 * Makes a `Request` of what `node:http` received.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import { bodyOf } from "./request_body.ts";
import { targetUrl } from "./target.ts";

// The types of Request call `signal` a property; in all three runtimes it is a
// getter, which a getter may override.
const Base = Request as unknown as new (
  url: string,
  init: RequestInit,
) => Omit<Request, "signal" | "clone">;

/**
 * A request whose signal is made when it is asked for: a signal for each costs
 * a third of the time that the whole request takes, and few handlers look.
 */
class ClientRequest extends Base {
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
    const copy = Request.prototype.clone.call(this);
    const signal = this.signal;
    Object.defineProperty(copy, "signal", { get: () => signal });
    return copy;
  }
}

/** The request, or undefined when it must be answered with 400. */
export function requestOf(
  incoming: IncomingMessage,
  response: ServerResponse,
): Request | undefined {
  // One pass over the raw fields: `incoming.headers` would build an object
  // that nothing else needs.
  const raw = incoming.rawHeaders;
  const headers: [string, string][] = [];
  let host: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    headers.push([name, value]);
    if (name.length === 4 && name.toLowerCase() === "host") {
      // More than one must be answered with 400 (RFC 9112 §3.2).
      if (host !== undefined) return undefined;
      host = value;
    }
  }
  const encrypted = (incoming.socket as TLSSocket).encrypted === true;
  const url = targetUrl(incoming.url ?? "/", host, encrypted);
  if (url === undefined) return undefined;
  const method = incoming.method ?? "GET";
  const init: RequestInit & { duplex?: "half" } = { method, headers };
  if (method !== "GET" && method !== "HEAD" && hasBody(incoming)) {
    init.body = bodyOf(incoming, response);
    init.duplex = "half";
  }
  try {
    return new ClientRequest(url, init, response);
  } catch {
    // A host or a header that node:http lets through and the standard does not.
    return undefined;
  }
}

/** A body is announced by one of two fields (RFC 9112 §6.3). */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined ||
    (headers["content-length"] !== undefined &&
      headers["content-length"] !== "0");
}

function signalOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    if (response.writableFinished) return;
    controller.abort(new DOMException("The client went away", "AbortError"));
  };
  if (response.destroyed || response.closed) abort();
  else response.once("close", abort);
  return controller.signal;
}
