/**
 * Calls a handler so that there is always a response.
 *
 * @module
 */

import process from "node:process";
import { isClientGone } from "./request_errors.ts";
import type { ErrorHandler, FetchHandler } from "./handler.ts";

/** Writes the error to stderr and answers 500 with a plain body. */
export function defaultOnError(error: unknown): Response {
  const text = error instanceof Error ? error.stack ?? error.message : error;
  process.stderr.write(`${String(text)}\n`);
  return plain(500, "Internal Server Error");
}

/** A response with a line of text. */
export function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain;charset=utf-8" },
  });
}

/** A handler that never throws, made of one that may. */
export function replying(
  handler: FetchHandler,
  onError: ErrorHandler,
): FetchHandler {
  const recover = async (
    error: unknown,
    request: Request,
  ): Promise<Response> => {
    // What a client that left made its handler throw is no error.
    if (await isClientGone(error, request)) {
      return plain(499, "Client Closed Request");
    }
    try {
      return mustBeResponse(await onError(error));
    } catch (second) {
      return defaultOnError(second);
    }
  };
  return (request, info) => {
    try {
      const result = handler(request, info);
      // Without a promise there is no need to make one.
      if (isResponse(result)) return result;
      return Promise.resolve(result).then(mustBeResponse).catch((
        error: unknown,
      ) => recover(error, request));
    } catch (error) {
      return recover(error, request);
    }
  };
}

function mustBeResponse(result: unknown): Response {
  if (isResponse(result)) return result;
  throw new TypeError(
    `Cannot answer the request: the handler returned ${
      result === null ? "null" : typeof result
    }, it must return a Response`,
  );
}

/** Not `instanceof`: polyfills and other realms make responses too. */
function isResponse(value: unknown): value is Response {
  return typeof value === "object" && value !== null && "status" in value &&
    "headers" in value && "body" in value;
}
