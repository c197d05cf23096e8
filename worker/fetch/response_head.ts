/**
 * The head of a `node:http` response, which `node:http` need not make anew for
 * each of those that differ in nothing but the length of their body.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import process from "node:process";
import { RUNTIME } from "../process/runtime.ts";
import type { Fields } from "./response_fields.ts";

/**
 * What `writeHead()` of `node:http` goes by, and what it leaves behind, beside
 * what is documented. Seen on Node 22.12 and 26.10. Where one of them is missing,
 * or means something else, nothing is kept.
 */
interface Inner extends ServerResponse {
  _header: string | null;
  _headerSent: boolean;
  /** Looked at by `strictContentLength` alone; a text on Node 22. */
  _contentLength: number | string | null;
  readonly _last: boolean;
  readonly _hasBody: boolean;
  readonly _removedConnection: boolean;
  readonly _removedContLen: boolean;
  readonly _removedTE: boolean;
  readonly _defaultKeepAlive: boolean;
  readonly _expect_continue: boolean;
  readonly _keepAliveTimeout: number;
  readonly _maxRequestsPerSocket: number | undefined;
  readonly maxRequestsOnConnectionReached: boolean;
  readonly _storeHeader: unknown;
}

/** A head that `node:http` has made. */
interface Kept {
  readonly status: number;
  readonly phrase: string;
  readonly fields: Fields["sent"];
  readonly timeout: number;
  readonly most: number | undefined;
  /** What stands before the length of the body, and behind it. */
  readonly before: string;
  readonly behind: string;
}

const LENGTH = "content-length";
const FRAMING = "transfer-encoding";

/** How many are kept: a program has few kinds of answers. */
const MOST_KEPT = 4;

/** How long, in ms: each tells the second in which it was made. */
const SECOND = 1000;

/** Node's own functions; undefined where nothing is kept. */
type Own = Pick<Inner, "writeHead" | "_storeHeader"> | undefined;

/**
 * Undefined, too, where another version has made something else of them, or who
 * wants to see each head, as tracers do, has taken their place.
 */
function ownOf(): Own {
  if (RUNTIME.name !== "node") return undefined;
  // Not imported: a worker whose program has no server does not load it.
  const { ServerResponse } = process.getBuiltinModule("node:http");
  const { writeHead, _storeHeader } = ServerResponse.prototype as Inner;
  return has(writeHead, "this._storeHeader(") &&
      has(_storeHeader, "this._header = header +")
    ? { writeHead, _storeHeader }
    : undefined;
}

function has(made: unknown, words: string): boolean {
  return typeof made === "function" &&
    Function.prototype.toString.call(made).includes(words);
}

let own: Own;
let isAsked = false;
let kept: Kept[] = [];
let second = 0;

/**
 * Writes the head of a response.
 *
 * @param length that of the body, whatever the fields say; undefined where it
 * is not known
 */
export function writeHead(
  outgoing: ServerResponse,
  { status, statusText }: Pick<Response, "status" | "statusText">,
  fields: Fields["sent"],
  length: number | undefined,
): void {
  // Status 0 is that of Response.error(), which stands for a network error.
  const code = status === 0 ? 500 : status;
  const inner = outgoing as Inner;
  const usual = length !== undefined && statusText === "" && isUsual(inner);
  if (usual && writeKept(inner, code, fields, length)) return;
  const rest = without(
    fields,
    length === undefined ? [FRAMING] : [FRAMING, LENGTH],
  );
  // Name, value, name, value ..: the form that keeps duplicates.
  const all = length === undefined
    ? rest as string[]
    : [...rest, LENGTH, String(length)];
  if (statusText === "") outgoing.writeHead(code, all);
  else outgoing.writeHead(code, statusText, all);
  if (usual && rest === fields) keep(inner, fields, length);
}

/** What says where a body ends is for the one who sends it to say. */
function without(
  fields: Fields["sent"],
  names: readonly string[],
): Fields["sent"] {
  for (let i = 0; i < fields.length; i += 2) {
    if (!names.includes(fields[i]!)) continue;
    return fields.filter((_, i) => !names.includes(fields[i - i % 2]!));
  }
  return fields;
}

/** True where its head goes by what it is given, and by what is compared. */
function isUsual(response: Inner): boolean {
  if (!isAsked) {
    own = ownOf();
    isAsked = true;
  }
  return own !== undefined && response.writeHead === own.writeHead &&
    response._storeHeader === own._storeHeader && response._header === null &&
    response._contentLength === null &&
    response.strictContentLength === false && response.sendDate === true &&
    response.statusMessage === undefined &&
    response._expect_continue === false && goesOn(response) &&
    response.getHeaderNames().length === 0;
}

/** True where the connection is kept, and the body has a length. */
function goesOn(response: Inner): boolean {
  return response.shouldKeepAlive === true && response._last === false &&
    response._hasBody === true && response.chunkedEncoding === false &&
    response.useChunkedEncodingByDefault === true &&
    response._defaultKeepAlive === true &&
    response.maxRequestsOnConnectionReached === false &&
    response._removedConnection === false &&
    response._removedContLen === false && response._removedTE === false;
}

function writeKept(
  response: Inner,
  status: number,
  fields: Fields["sent"],
  length: number,
): boolean {
  if (isOver(Date.now())) return false;
  const { _keepAliveTimeout: timeout, _maxRequestsPerSocket: most } = response;
  for (const each of kept) {
    if (
      each.status !== status || each.timeout !== timeout ||
      each.most !== most || !areSame(each.fields, fields)
    ) continue;
    response.statusCode = status;
    response.statusMessage = each.phrase;
    response._contentLength = length;
    response._header = each.before + length + each.behind;
    response._headerSent = false;
    return true;
  }
  return false;
}

/** True once the second is another one, also by a clock that was set back. */
function isOver(now: number): boolean {
  return now < second || now >= second + SECOND;
}

function areSame(one: Fields["sent"], other: Fields["sent"]): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** Keeps what `writeHead()` has made, where it is as expected. */
function keep(response: Inner, fields: Fields["sent"], length: number): void {
  const now = Date.now();
  if (isOver(now)) {
    // Node's own clock for it may be late by as much.
    second = now - now % SECOND;
    kept = [];
  } else if (kept.length === MOST_KEPT) return;
  const head = response._header;
  const told = `\r\ncontent-length: ${length}\r\n`;
  const at = head?.indexOf(told) ?? -1;
  if (
    at < 0 || head?.indexOf(told, at + 1) !== -1 || !goesOn(response) ||
    response._headerSent !== false || Number(response._contentLength) !== length
  ) return;
  const end = at + told.length - 2;
  kept.push({
    status: response.statusCode,
    phrase: response.statusMessage,
    // Another response may change its own.
    fields: [...fields],
    timeout: response._keepAliveTimeout,
    most: response._maxRequestsPerSocket,
    before: head.slice(0, end - String(length).length),
    behind: head.slice(end),
  });
}
