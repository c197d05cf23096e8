/**
 * What the head of a request says before anything is made of it.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { targetUrl } from "./target.ts";

const CONTENT_LENGTH = "content-length";
const TRANSFER_ENCODING = "transfer-encoding";

/** The URL of a request, or undefined when it must be answered with 400. */
export function urlOf(incoming: IncomingMessage): string | undefined {
  const raw = incoming.rawHeaders;
  let host: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.length === 4 && name.toLowerCase() === "host") {
      // More than one must be answered with 400 (RFC 9112 §3.2).
      if (host !== undefined) return undefined;
      host = raw[i + 1]!;
    }
  }
  // Asterisk form is for OPTIONS (RFC 9112 §3.2.4).
  if (incoming.url === "*" && incoming.method !== "OPTIONS") return undefined;
  const encrypted = (incoming.socket as TLSSocket).encrypted === true;
  return targetUrl(incoming.url ?? "/", host, encrypted);
}

/** The fields as `Headers` take them. */
export function headersInit(
  { rawHeaders }: IncomingMessage,
): [string, string][] {
  // Not `incoming.headers`, which keeps one of some fields that come twice.
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  }
  return headers;
}

/** True for a request that has a body, and may have one. */
export function hasBody({ method, rawHeaders }: IncomingMessage): boolean {
  if (method === "GET" || method === "HEAD") return false;
  // It is announced by one of two fields (RFC 9112 §6.3). Not `headers`, which
  // makes an object of all of them.
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const announces = name.length === CONTENT_LENGTH.length
      ? rawHeaders[i + 1] !== "0" && name.toLowerCase() === CONTENT_LENGTH
      : name.length === TRANSFER_ENCODING.length &&
        name.toLowerCase() === TRANSFER_ENCODING;
    if (announces) return true;
  }
  return false;
}
