/**
 * Writes a `Response` by `node:http`.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import { pipe } from "./response_body.ts";

/** Writes a response; resolves or returns when it is written or given up. */
export function writeResponse(
  response: Response,
  outgoing: ServerResponse,
): void | Promise<void> {
  const { status, body } = response;
  // Name, value, name, value ..: the form that keeps duplicates.
  const headers: string[] = [];
  // True when the length needs no field, or the response has one.
  let framed = false;
  for (const [name, value] of response.headers) {
    headers.push(name, value);
    if (name === "content-length" || name === "transfer-encoding") {
      framed = true;
    }
  }
  const head = (length: number | undefined): void => {
    if (!framed && length !== undefined) {
      headers.push("content-length", String(length));
    }
    writeHead(outgoing, response, headers);
  };
  if (outgoing.destroyed) return body?.cancel().catch(() => {});
  // Nothing follows these (RFC 9110 §6.4.1).
  const isHead = outgoing.req.method === "HEAD";
  if (isHead || status === 204 || status === 205 || status === 304) {
    head(undefined);
    outgoing.end();
    return body?.cancel().catch(() => {});
  }
  if (body !== null) return pipe(body, outgoing, head);
  head(0);
  outgoing.end();
}

function writeHead(
  outgoing: ServerResponse,
  { status, statusText }: Response,
  headers: string[],
): void {
  // Status 0 is that of Response.error(), which stands for a network error.
  const code = status === 0 ? 500 : status;
  if (statusText === "") outgoing.writeHead(code, headers);
  else outgoing.writeHead(code, statusText, headers);
}
