/**
 * Who gets the next connection in `handoff`: what may be asked for.
 *
 * @module
 */

/**
 * Who gets the next connection in `handoff`.
 *
 * - `round-robin`: each worker in turn;
 * - `least-connections`: whoever holds fewest;
 * - `sticky`: always the same worker for one client address;
 * - `sticky=cookie:NAME`, `sticky=query:NAME`: always the same worker for one
 *   value of that cookie, or of that parameter of the request's query.
 */
export type Balance =
  | "round-robin"
  | "least-connections"
  | "sticky"
  | `sticky=cookie:${string}`
  | `sticky=query:${string}`;

/** What ties a client to a worker. */
export type Affinity =
  /** The client's address, without the port. */
  | { readonly by: "address" }
  /** An id in the head of the first request. */
  | { readonly by: "cookie" | "query"; readonly name: string };

// A cookie's name is a token (RFC 6265, section 4.1.1; RFC 9110, section
// 5.6.2); a query's is what a URL carries in front of "=" (RFC 3986, section
// 3.4, and what browsers leave as it is): ASCII, and "%" with two digits.
const STICKY =
  /^sticky(?:=(?:(cookie):([!#$%&'*+.^_`|~\w-]+)|(query):((?:%[\dA-Fa-f]{2}|[!$'-;@-~])+)))?$/;

/** What ties a client to a worker, or undefined when nothing does. */
export function affinityOf(balance: string): Affinity | undefined {
  const match = STICKY.exec(balance);
  if (match === null) return undefined;
  const [, cookie, cookieName, query, queryName] = match;
  if (cookie !== undefined) return { by: "cookie", name: cookieName! };
  if (query !== undefined) return { by: "query", name: queryName! };
  return { by: "address" };
}

/** What ties a client to a worker as text, for workers: `cookie:NAME`. */
export function formatAffinity(affinity: Affinity): string {
  return affinity.by === "address"
    ? affinity.by
    : `${affinity.by}:${affinity.name}`;
}

/** True for every way that {@linkcode Balance} describes. */
export function isBalance(value: unknown): value is Balance {
  return value === "round-robin" || value === "least-connections" ||
    (typeof value === "string" && affinityOf(value) !== undefined);
}

/** What may be asked for, for the end of an error's sentence. */
export const BALANCES =
  "round-robin, least-connections, sticky, sticky=cookie:NAME, sticky=query:NAME, the name as a URL spells it";
