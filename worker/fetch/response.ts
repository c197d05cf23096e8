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
import { writeHead } from "./response_head.ts";

/** Writes a response; resolves or returns when it is written or given up. */
export function writeResponse(
  response: Response,
  outgoing: ServerResponse,
): void | Promise<void> {
  // What was a string or bytes never becomes a stream.
  const lazy = LazyResponse.has(response);
  const fields = lazy
    ? LazyResponse.fields(response)
    : platformFields(response);
  const body = lazy ? LazyBody.take(response) : response.body;
  const { status } = response;
  const head = (length: number | undefined): void =>
    writeHead(outgoing, response, fields, length);
  if (outgoing.destroyed) return cancel(body);
  // Nothing follows these (RFC 9110 §6.4.1).
  const isEmpty = status === 204 || status === 205 || status === 304;
  if (isEmpty || outgoing.req.method === "HEAD") {
    head(isEmpty ? undefined : lengthUntold(body, fields));
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
    return pipe(body, outgoing, head, lengthIn(fields));
  } else {
    head(0);
    outgoing.end();
  }
}

/** What says how two machines talk to each other (RFC 9110 §7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "trailer"];

/** The fields of a response that the platform has made. */
function platformFields({ url, headers }: Response): readonly string[] {
  // Without a URL it is the handler's own.
  if (url === "") return fieldsOf(headers);
  const passedOn = new Headers(headers);
  for (const name of HOP_BY_HOP) passedOn.delete(name);
  if (isDecoded(headers.get("content-encoding"))) {
    passedOn.delete("content-encoding");
    passedOn.delete("content-length");
  }
  return fieldsOf(passedOn);
}

/** The codings that fetch() takes away in each runtime and version, alone. */
function isDecoded(coding: string | null): boolean {
  return coding !== null && /^(?:gzip|br)$/i.test(coding);
}

/** How long its fields say that a body is. */
function lengthIn(fields: readonly string[]): number | undefined {
  const at = fields.findIndex((each, i) =>
    i % 2 === 0 && each === "content-length"
  );
  const length = fields[at + 1];
  return at >= 0 && /^\d+$/.test(length!) ? Number(length) : undefined;
}

/** That of a body which HEAD is not sent, where the fields do not say it. */
function lengthUntold(
  body: string | Uint8Array | Stream | null,
  fields: readonly string[],
): number | undefined {
  if (lengthIn(fields) !== undefined) return undefined;
  if (typeof body === "string") return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.byteLength : undefined;
}

function cancel(
  body: string | Uint8Array | Stream | null,
): void | Promise<void> {
  return body instanceof ReadableStream
    ? body.cancel().catch(() => {})
    : undefined;
}
