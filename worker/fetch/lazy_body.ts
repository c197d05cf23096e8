/**
 * A body that is no stream before somebody wants one.
 *
 * @module
 */

import { Readable } from "node:stream";
import * as threads from "node:worker_threads";
import { Onto } from "./lazy_members.ts";

/** A body as a stream. */
export type Stream = ReadableStream<Uint8Array<ArrayBuffer>>;

/** A body that somebody still has to receive. */
export interface Unread {
  /** All of it. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** As it comes. */
  stream(): Stream;
}

/** What a body is made of. */
export type Source = string | Uint8Array<ArrayBuffer> | Unread | Stream | null;

/**
 * The platform's own class, once {@linkcode takePlatformResponse} was called: on
 * Node who looks at it has undici loaded, which costs 100 ms of CPU, and a worker
 * that serves no fetch handler has no need of it.
 */
export let PlatformResponse: typeof Response;

/** Has the class that the program has now count as the platform's. */
export function takePlatformResponse(): void {
  PlatformResponse = globalThis.Response;
}

const decoder = new TextDecoder();

type Read = (bytes: Uint8Array<ArrayBuffer>) => unknown;

/** The methods that need no stream. */
const READS: Readonly<Record<string, Read | undefined>> = {
  arrayBuffer: ({ buffer }) => buffer,
  bytes: (bytes) => bytes,
  text: (bytes) => decoder.decode(bytes),
  json: (bytes) => JSON.parse(decoder.decode(bytes)),
};

/** Stands for a body that was read without a stream. */
const SPENT = Symbol("spent");

function spentResponse(): Response {
  const spent = new PlatformResponse("-");
  void spent.text();
  return spent;
}

/** What requests and responses have in common. */
export class LazyBody extends Onto {
  #source: Source | typeof SPENT;

  constructor(target: object, source: Source) {
    super(target);
    this.#source = source;
    // As the platform's own say of themselves.
    threads.markAsUncloneable?.(target);
  }

  /** True for an object that has such a body. */
  static has(value: unknown): value is LazyBody {
    return typeof value === "object" && value !== null && #source in value;
  }

  /**
   * The body for the one who writes it. From then on it counts as used, unless
   * it is a stream: that is used when it is read.
   */
  static take(of: LazyBody): string | Uint8Array<ArrayBuffer> | Stream | null {
    const source = of.#source;
    if (typeof source !== "string" && !(source instanceof Uint8Array)) {
      return of.#stream();
    }
    of.#source = SPENT;
    return source;
  }

  /** Calls a method that uses the body. */
  static use(of: LazyBody, method: string): unknown {
    const source = of.#source;
    const read = READS[method];
    if (read !== undefined && isUnread(source)) {
      of.#source = SPENT;
      return source.bytes().then(read);
    }
    const body = of.#stream();
    const { headers } = of as unknown as Response;
    const response = isUnusable(body)
      ? spentResponse()
      : new PlatformResponse(body, { headers });
    return Reflect.apply(Reflect.get(response, method), response, []);
  }

  /** A second body that is the same, or undefined when it was used. */
  static split(of: LazyBody): Source | undefined {
    const source = of.#source;
    // Bytes of a response are a copy that nobody else has.
    if (typeof source === "string" || source instanceof Uint8Array) {
      return source;
    }
    const body = of.#stream();
    if (body === null) return null;
    if (isUnusable(body)) return undefined;
    const [first, second] = body.tee() as [Stream, Stream];
    of.#source = first;
    return second;
  }

  /** As of the platform's. */
  get body(): Stream | null {
    return this.#stream();
  }

  /** As of the platform's. */
  get bodyUsed(): boolean {
    const source = this.#source;
    return source === SPENT ||
      (source instanceof ReadableStream && isDisturbed(source));
  }

  #stream(): Stream | null {
    const source = this.#source;
    if (source === null || source instanceof ReadableStream) return source;
    const stream = source === SPENT
      ? spentResponse().body!
      : isUnread(source)
      ? source.stream()
      : new PlatformResponse(source).body!;
    this.#source = stream;
    return stream;
  }
}

/** True for a body that has been read, or that somebody is about to. */
export function isUnusable(body: Stream | null): boolean {
  return body !== null && (body.locked || isDisturbed(body));
}

function isDisturbed(body: Stream): boolean {
  // The same class by another name, which the types of Node do not know.
  return Readable.isDisturbed(body as never);
}

function isUnread(source: unknown): source is Unread {
  return typeof source === "object" && source !== null && "bytes" in source;
}
