/**
 * A `Response` that is what it was made of until somebody looks: a string stays
 * one up to the socket. The platform's makes a stream of it first, which costs
 * as much as the rest of a request.
 *
 * @module
 */

import {
  isUnusable,
  LazyBody,
  PlatformResponse,
  type Source,
  type Stream,
  takePlatformResponse,
} from "./lazy_body.ts";
import { overlay } from "./lazy_members.ts";
import { type Fields, fieldsOf, plainFields } from "./response_fields.ts";

/** What is known of a response beside its body. */
interface Head {
  readonly status: number;
  readonly statusText: string;
  /** One of the two. */
  readonly fields?: Fields;
  readonly headers?: Headers;
}

const TEXT = "text/plain;charset=UTF-8";
const JSON_TYPE = "application/json";

const head = (...fields: string[]): Head => ({
  status: 200,
  statusText: "",
  fields: { sent: fields, given: fields },
});
const BARE = head();

/** Without any options, by content type. */
const BY_TYPE: Readonly<Record<string, Head>> = {
  [TEXT]: head("content-type", TEXT),
  [JSON_TYPE]: head("content-type", JSON_TYPE),
};

/** Statuses that have no body (Fetch §2.2.3). */
const NO_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** A reason phrase (RFC 9112 §4). */
const PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The private members of a response. */
export class LazyResponse extends LazyBody {
  #status: number;
  #statusText: string;
  readonly #fields: Fields | undefined;
  #headers: Headers | undefined;

  constructor(target: object, head: Head, source: Source) {
    super(target, source);
    this.#status = head.status;
    this.#statusText = head.statusText;
    this.#fields = head.fields;
    this.#headers = head.headers;
  }

  /** True for a response of ours. */
  static override has(value: unknown): value is LazyResponse {
    return typeof value === "object" && value !== null && #fields in value;
  }

  /** The fields for the one who writes them. */
  static fields(of: LazyResponse): readonly string[] {
    return of.#headers === undefined ? of.#fields!.sent : fieldsOf(of.#headers);
  }

  /** As of the platform's. */
  get status(): number {
    return this.#status;
  }

  /** As of the platform's. */
  get ok(): boolean {
    return this.#status >= 200 && this.#status <= 299;
  }

  /** As of the platform's. */
  get statusText(): string {
    return this.#statusText;
  }

  /** As of the platform's. */
  get headers(): Headers {
    return this.#headers ??= headersOf(this.#fields!);
  }

  /** As of the platform's. */
  clone(): Response {
    const source = LazyBody.split(this);
    if (source === undefined) {
      const spent = new PlatformResponse("-");
      void spent.text();
      return spent.clone();
    }
    const copy = new Blank();
    new LazyResponse(copy, {
      status: this.#status,
      statusText: this.#statusText,
      ...(this.#headers === undefined
        ? { fields: this.#fields! }
        : { headers: new Headers(this.#headers) }),
    }, source);
    return copy;
  }
}

/** Makes objects of the platform's prototype, which have its name in traces. */
const Blank = function Response() {} as unknown as new () => Response;

/** What takes the place of `Response`. */
function makeResponse(
  this: object,
  body: unknown = null,
  init: ResponseInit | undefined = undefined,
): void {
  if (new.target === undefined) {
    throw new TypeError(
      "Class constructor Response cannot be invoked without 'new'",
    );
  }
  const source = sourceOf(body);
  const head = source === undefined
    ? undefined
    : headOf(init, typeof source === "string" ? TEXT : undefined);
  if (
    head === undefined || (source !== null && NO_BODY.has(head.status))
  ) {
    // Whatever is unusual, or wrong, is the platform's to say.
    const real = new PlatformResponse(body as Stream | null, init);
    new LazyResponse(this, real, real.body as Stream | null);
  } else new LazyResponse(this, head, source!);
}

/** What takes the place of `Response.json`. */
function json(...args: [unknown, ResponseInit?]): Response {
  const [data, init] = args;
  const head = headOf(init, JSON_TYPE);
  if (head === undefined || NO_BODY.has(head.status)) {
    return PlatformResponse.json(...args);
  }
  const text = JSON.stringify(data) as string | undefined;
  if (text === undefined) return PlatformResponse.json(...args);
  const response = new Blank();
  new LazyResponse(response, head, text);
  return response;
}

/**
 * Has the prototype of the platform's responses answer for ours too; returns
 * what is to take the place of `Response`.
 */
export function installLazyResponse(): typeof Response {
  takePlatformResponse();
  Blank.prototype = PlatformResponse.prototype;
  const ours = makeResponse as unknown as typeof Response;
  Object.defineProperties(
    ours,
    Object.getOwnPropertyDescriptors(PlatformResponse),
  );
  Object.defineProperty(json, "length", {
    value: PlatformResponse.json.length,
  });
  ours.json = json;
  overlay(PlatformResponse.prototype, {
    has: LazyResponse.has,
    members: LazyResponse.prototype,
    template: new PlatformResponse(),
    otherwise: (target, method) => LazyBody.use(target as LazyResponse, method),
  });
  return ours;
}

/** What a body is made of, or undefined when the platform has to tell. */
function sourceOf(body: unknown): Source | undefined {
  if (typeof body === "string") return body;
  if (body === null || body === undefined) return null;
  if (body instanceof ReadableStream) {
    return isUnusable(body as Stream) ? undefined : body as Stream;
  }
  const isView = ArrayBuffer.isView(body);
  const buffer = isView ? body.buffer : body;
  if (!(buffer instanceof ArrayBuffer) || buffer.resizable) return undefined;
  // A copy: what is written to the bytes later is no part of the response.
  return isView
    ? new Uint8Array(buffer, body.byteOffset, body.byteLength).slice()
    : new Uint8Array(buffer).slice();
}

/** The head of a response, or undefined when the platform has to tell. */
function headOf(
  init: ResponseInit | null | undefined,
  type: string | undefined,
): Head | undefined {
  if (init === undefined || init === null) {
    return type === undefined ? BARE : BY_TYPE[type];
  }
  if (typeof init !== "object") return undefined;
  const { status = 200, statusText = "", headers } = init;
  if (
    !Number.isInteger(status) || status < 200 || status > 599 ||
    typeof statusText !== "string" || !PHRASE.test(statusText)
  ) return undefined;
  if (headers instanceof Headers) {
    const copy = new Headers(headers);
    if (type !== undefined && !copy.has("content-type")) {
      copy.append("content-type", type);
    }
    return { status, statusText, headers: copy };
  }
  if (
    headers !== undefined && (typeof headers !== "object" || headers === null)
  ) {
    return undefined;
  }
  const fields = plainFields(headers ?? {}, type);
  return fields && { status, statusText, fields };
}

function headersOf({ given }: Fields): Headers {
  const headers = new Headers();
  for (let i = 0; i < given.length; i += 2) {
    headers.append(given[i]!, given[i + 1]!);
  }
  return headers;
}
