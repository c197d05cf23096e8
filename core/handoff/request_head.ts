/**
 * Finds the id that ties a client to a worker in the head of its first
 * request (HTTP/1.1, RFC 9112).
 *
 * @module
 */

import type { Affinity } from "../options/balance.ts";

/** What ties a client to a worker and stands in the head of a request. */
export type HeadAffinity = Exclude<Affinity, { readonly by: "address" }>;

/**
 * True unless it can be told already that this is no HTTP/1.1: a TLS record
 * begins with the byte 22 (RFC 8446, section 5.1). An empty line in front is
 * allowed (RFC 9112, section 2.2).
 */
export function mayBeHttp(head: string): boolean {
  return /^(?:\r?\n)*(?:[A-Za-z]|\r?$)/.test(head);
}

/**
 * True once all has come that an id is looked for in: the request line, or for
 * a cookie all header lines.
 *
 * @param from how much of the head was looked at before
 */
export function isComplete(
  head: string,
  affinity: HeadAffinity,
  from: number,
): boolean {
  const start = Math.max(from - 3, /^[\r\n]*/.exec(head)![0].length);
  if (affinity.by === "cookie") return /\n\r?\n/.test(head.slice(start));
  return head.includes("\n", start);
}

/** The id in the head of a request, decoded if it is a query's. */
export function idIn(head: string, affinity: HeadAffinity): string | undefined {
  const [request = "", ...headers] = head.replace(/^[\r\n]+/, "")
    .split(/\r?\n/);
  const id = affinity.by === "query"
    ? parameter(request.split(" ")[1] ?? "", affinity.name)
    : cookie(headers, affinity.name);
  return id === "" ? undefined : id;
}

function parameter(target: string, name: string): string | undefined {
  const query = target.split("#")[0]!.split("?").slice(1).join("?");
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    if (equals >= 0 && pair.slice(0, equals) === name) {
      return decoded(pair.slice(equals + 1));
    }
  }
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The Cookie header is a list of pairs joined by "; " (RFC 6265, 4.2.1). */
function cookie(
  headers: readonly string[],
  name: string,
): string | undefined {
  for (const line of headers) {
    if (line === "") return undefined;
    if (!/^cookie:/i.test(line)) continue;
    for (const pair of line.slice("cookie:".length).split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
      return pair.slice(equals + 1).trim().replace(/^"(.*)"$/, "$1");
    }
  }
  return undefined;
}
