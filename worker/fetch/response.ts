/**
 * Writes a `Response` by `node:http`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { LazyBody, type Stream } from "./lazy_body.ts";
import { LazyResponse } from "./lazy_response.ts";
import { endWith, pipe } from "./response_body.ts";
import { fieldsOf } from "./response_fields.ts";

/** Writes a response; resolves or returns when it is written or given up. */
export function writeResponse(
  response: Response,
  outgoing: ServerResponse,
): void | Promise<void> {
  // What was a string or bytes never becomes a stream.
  const lazy = LazyResponse.has(response);
  const fields = lazy
    ? LazyResponse.fields(response)
    : fieldsOf(response.headers);
  const body = lazy ? LazyBody.take(response) : response.body;
  const { status } = response;
  const head = (length: number | undefined): void => {
    // Name, value, name, value ..: the form that keeps duplicates.
    const all = length === undefined || isFramed(fields)
      ? fields
      : [...fields, "content-length", String(length)];
    writeHead(outgoing, response, all);
  };
  if (outgoing.destroyed) return cancel(body);
  // Nothing follows these (RFC 9110 §6.4.1).
  const isHead = outgoing.req.method === "HEAD";
  if (isHead || status === 204 || status === 205 || status === 304) {
    head(undefined);
    outgoing.end();
    return cancel(body);
  }
  if (typeof body === "string") {
    const length = Buffer.byteLength(body);
    head(length);
    // Node writes the head in the encoding of the body. One byte per character
    // is the head's own; and where it is the body's, nothing has to be encoded.
    if (length === body.length) outgoing.end(body, "latin1");
    else endWith(outgoing, Buffer.from(body));
  } else if (body instanceof Uint8Array) {
    head(body.byteLength);
    endWith(outgoing, body);
  } else if (body !== null) {
    return pipe(body, outgoing, head);
  } else {
    head(0);
    outgoing.end();
  }
}

function cancel(
  body: string | Uint8Array | Stream | null,
): void | Promise<void> {
  return body instanceof ReadableStream
    ? body.cancel().catch(() => {})
    : undefined;
}

/** True for fields that say where the body ends. */
function isFramed(fields: readonly string[]): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    if (name === "content-length" || name === "transfer-encoding") return true;
  }
  return false;
}

function writeHead(
  outgoing: ServerResponse,
  { status, statusText }: Response,
  headers: readonly string[],
): void {
  // Status 0 is that of Response.error(), which stands for a network error.
  const code = status === 0 ? 500 : status;
  // Its types have a list of its own.
  const fields = headers as string[];
  if (statusText === "") outgoing.writeHead(code, fields);
  else outgoing.writeHead(code, statusText, fields);
}
