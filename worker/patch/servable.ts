/**
 * Which exports of a program answer requests.
 *
 * @module
 */

import type { RequestListener } from "node:http";
import { tcpWanted, type Wanted } from "../match/wanted.ts";
import type { FetchHandler, ServeInfo } from "../fetch/handler.ts";

/** An export that can be served. */
export type Servable =
  & {
    /** True when the program may be about to listen by itself. */
    readonly listens: boolean;
    /** Where it wants to be served, if it says so. */
    readonly wanted?: Wanted;
  }
  & (
    /** As `deno serve`, Bun and the Workers platforms take it. */
    | { readonly kind: "fetch"; readonly handler: FetchHandler }
    /** As `node:http` takes it; Express and Connect apps are such functions. */
    | { readonly kind: "node"; readonly handler: RequestListener }
  );

/**
 * What is known of a request in the words of `Deno.ServeHandlerInfo` too. The
 * Workers platforms have their bindings in its place, and programs look for
 * some that are optional.
 */
type Info = ServeInfo & {
  readonly remoteAddr: {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
  };
};

/**
 * Finds out how to serve an export, or undefined when it is something else.
 *
 * @param leaveFetch true where the runtime serves an export with `fetch` itself
 */
export function servable(
  exported: unknown,
  leaveFetch: boolean,
): Servable | undefined {
  const value = unwrapped(exported);
  if (isHandlerObject(value)) {
    if (leaveFetch) return undefined;
    return {
      kind: "fetch",
      handler: (request, info) => value.fetch(request, new InfoForDeno(info)),
      listens: has(value, "listen"),
      ...exportedPlace(value),
    };
  }
  if (typeof value !== "function" || isClass(value)) return undefined;
  if (value.length < 2 && !has(value, "handle") && !has(value, "listen")) {
    return undefined;
  }
  return { kind: "node", handler: value as RequestListener, listens: true };
}

/** CommonJS that was compiled from ES modules wraps its default export. */
function unwrapped(exported: unknown): unknown {
  const { __esModule, default: inner } = Object(exported) as {
    readonly __esModule?: unknown;
    readonly default?: unknown;
  };
  return __esModule === true ? inner : exported;
}

/** The place of a default export as Bun takes it: `port` and `hostname`. */
function exportedPlace(
  { port, hostname }: HandlerObject,
): { readonly wanted?: Wanted } {
  const wanted = port === undefined ? undefined : tcpWanted(hostname, port);
  return wanted === undefined ? {} : { wanted };
}

interface HandlerObject {
  readonly port?: unknown;
  readonly hostname?: unknown;
  fetch(request: Request, info: Info): Response | Promise<Response>;
}

function isHandlerObject(value: unknown): value is HandlerObject {
  return value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    has(value, "fetch");
}

function has(value: object, method: string): boolean {
  return typeof (value as Readonly<Record<string, unknown>>)[method] ===
    "function";
}

function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

/** Asks for nothing before somebody wants to know. */
class InfoForDeno implements Info {
  readonly #info: ServeInfo;

  constructor(info: ServeInfo) {
    this.#info = info;
  }

  get remoteAddress(): string | undefined {
    return this.#info.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#info.remotePort;
  }

  get remoteAddr(): Info["remoteAddr"] {
    const { remoteAddress = "", remotePort = 0 } = this.#info;
    return { transport: "tcp", hostname: remoteAddress, port: remotePort };
  }
}
