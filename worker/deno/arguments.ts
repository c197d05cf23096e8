/**
 * What a program gives to `Deno.serve`, which has three overloads; `Bun.serve`
 * has one.
 *
 * @module
 */

import { cannot } from "../process/errors.ts";
import type { DenoErrorHandler, DenoHandler } from "./requests.ts";

/** The options of `Deno.serve`, as far as they are looked at. */
export interface DenoServeOptions {
  /** Stops the server. */
  readonly signal?: AbortSignal;
  /** Told when and where the server listens. */
  onListen?(address: Deno.Addr): void;
  /** Answers a request whose handler threw. */
  readonly onError?: DenoErrorHandler;
  /** Answers requests, unless given as an argument of its own. */
  readonly handler?: DenoHandler;
  /** The certificate, when it serves TLS. */
  readonly cert?: string;
}

/** What a program gave. */
export interface DenoServeArguments {
  /** Its options, its own object. */
  readonly options: DenoServeOptions;
  /** Its handler. */
  readonly handler: DenoHandler;
}

/**
 * Reads the arguments of each overload: `(handler)`, `(options, handler)` and
 * `(options)` with a handler in it.
 *
 * @throws {TypeError} as Deno does, when there is no handler
 */
export function readDenoServe(
  [first, second]: readonly unknown[],
): DenoServeArguments {
  const options =
    (typeof first === "object" && first !== null
      ? first
      : {}) as DenoServeOptions;
  const handler = [first, second, options.handler].find((each) =>
    typeof each === "function"
  );
  if (handler !== undefined) {
    return { options, handler: handler as DenoHandler };
  }
  throw new TypeError(
    `Cannot serve HTTP requests: handler must be a function, received ${typeof (second ??
      options.handler)}`,
  );
}

/** The options but those that say where to listen, which the pool does. */
export function withoutPlace(options: object): Record<string, unknown> {
  const rest: Record<string, unknown> = { ...options };
  for (const name of PLACE) delete rest[name];
  return rest;
}

const PLACE = ["hostname", "port", "path", "transport", "reusePort"] as const;

/**
 * Makes sure that Deno takes SO_REUSEPORT, which it does with a flag only: the
 * same that brings this function (2.9.5). Without it `Deno.listen` does not
 * throw but ends the process.
 *
 * @param what the name of the function that the program called
 * @throws {PreforkError} `ERR_ATTACH` when it does not
 */
export function mustShare(what: string, address: string): void {
  if ("listenDatagram" in Deno) return;
  throw cannot(
    `listen on "${address}" by ${what}`,
    "Deno takes SO_REUSEPORT with a flag only",
    `add "--runtime-arg --unstable-net" to the command, or name the address as in "-l ${address}"`,
  );
}
