/**
 * A `Request` that is what `node:http` received until somebody looks. To make
 * the platform's costs a quarter of what the whole request does, and many
 * handlers look at its URL alone.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import process from "node:process";
import { isUnusable, LazyBody, type Source, type Stream } from "./lazy_body.ts";
import { overlay } from "./lazy_members.ts";
import { receivedBody } from "./request_body.ts";
import { hasBody, headersInit, urlOf } from "./request_head.ts";
import { signalOf, withSignal } from "./request_signal.ts";

/** The platform's own class, once requests are made when somebody looks. */
let PlatformRequest: typeof Request;

/** Makes objects of the platform's prototype, which have its name in traces. */
const Blank = function Request() {} as unknown as new () => Request;

/** True where `node:http` lets fields through that `Headers` refuse. */
const LENIENT = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""]
  .some((each) => each.includes("--insecure-http-parser"));

/** The private members of a request. */
export class LazyRequest extends LazyBody {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #target: string;
  #url: string | undefined;
  #headers: Headers | undefined;
  #signal: AbortSignal | undefined;

  constructor(
    target: object,
    url: string,
    source: Source,
    incoming: IncomingMessage,
    response: ServerResponse,
  ) {
    super(target, source);
    this.#target = url;
    this.#incoming = incoming;
    this.#response = response;
  }

  /** True for a request of ours. */
  static override has(value: unknown): value is LazyRequest {
    return typeof value === "object" && value !== null && #target in value;
  }

  /** As of the platform's. */
  get method(): string {
    return this.#incoming.method!;
  }

  /** As of the platform's. */
  get url(): string {
    return this.#url ??= new URL(this.#target).href;
  }

  /** As of the platform's. */
  get headers(): Headers {
    return this.#headers ??= new Headers(headersInit(this.#incoming));
  }

  /** Aborted when the client goes away before the response is complete. */
  get signal(): AbortSignal {
    return this.#signal ??= signalOf(this.#response);
  }

  /** A copy with the same signal. */
  clone(): Request {
    const body = LazyBody.split(this);
    const request = this as unknown as Request;
    if (body === undefined) return spent(request).clone();
    return withSignal(platformRequest(request, body as Stream | null), request);
  }
}

/**
 * One of the platform's in the place of one of ours, for what takes no others.
 * It has the same body.
 */
export function platformOf<T>(input: T | LazyRequest): T | Request {
  if (!LazyRequest.has(input)) return input;
  const request = input as unknown as Request;
  const body = request.body as Stream | null;
  return isUnusable(body) ? spent(request) : platformRequest(request, body);
}

function platformRequest(
  { url, method, headers, signal }: Request,
  body: Stream | null,
): Request {
  const init: RequestInit & { duplex?: "half" } = { method, headers, signal };
  if (body !== null) {
    init.body = body;
    init.duplex = "half";
  }
  return new PlatformRequest(url, init);
}

/** One of the platform's whose body was read. */
function spent({ url, method, headers, signal }: Request): Request {
  const init = { method, headers, signal, body: "-" };
  const request = new PlatformRequest(url, init);
  void request.text();
  return request;
}

/** The request, or undefined when it must be answered with 400. */
export function lazyRequestOf(
  incoming: IncomingMessage,
  response: ServerResponse,
): Request | undefined {
  const url = urlOf(incoming);
  // The standard has no requests of this method (Fetch §2.2.1).
  if (url === undefined || incoming.method === "TRACE") return undefined;
  const body = hasBody(incoming) ? receivedBody(incoming, response) : null;
  const request = new Blank();
  new LazyRequest(request, url, body, incoming, response);
  if (LENIENT) {
    try {
      void request.headers;
    } catch {
      return undefined;
    }
  }
  return request;
}

/**
 * Has the prototype of the platform's requests answer for ours too; returns what
 * is to take the place of `Request`, which takes ours as well.
 */
export function installLazyRequest(): typeof Request {
  PlatformRequest = globalThis.Request;
  Blank.prototype = PlatformRequest.prototype;
  overlay(PlatformRequest.prototype, {
    has: LazyRequest.has,
    members: LazyRequest.prototype,
    template: new PlatformRequest("http://localhost"),
    otherwise: (target, method) => LazyBody.use(target as LazyRequest, method),
  });
  return new Proxy(PlatformRequest, {
    construct(target, [input, ...init], newTarget) {
      const given = [platformOf(input), ...init];
      const request: Request = Reflect.construct(target, given, newTarget);
      return LazyRequest.has(input) && init[0]?.signal === undefined
        ? withSignal(request, input as unknown as Request)
        : request;
    },
  });
}
