/**
 * Who a client is, as the first bytes of its connection tell.
 *
 * @module
 */

import type { Tie } from "../options/balance.ts";
import type { ProxySettings } from "../options/listener_features.ts";
import { MAX_V2, parseProxyHead } from "./proxy_protocol.ts";
import { idIn, isComplete, mayBeHttp } from "./request_head.ts";

/** What the first bytes are looked through for. */
export interface Clue {
  /** What ties clients to workers. */
  readonly tie: Tie;
  /** How a load balancer says whose connection it passes on, if it does. */
  readonly proxy: ProxySettings | undefined;
  /** The address that the connection comes from. */
  readonly peer: string | undefined;
}

/** What they have told so far. */
export interface Told {
  /** True when more bytes tell nothing more. */
  readonly whole: boolean;
  /** What ties the client to a worker, as far as it is known. */
  key(): string | undefined;
}

/**
 * Looks at the first bytes, one character each.
 *
 * @param from how many of them were looked at before
 */
export function told(bytes: string, from: number, clue: Clue): Told {
  const { tie, proxy, peer } = clue;
  if (proxy !== undefined) {
    const head = parseProxyHead(
      Uint8Array.from(bytes.slice(0, MAX_V2), (char) => char.charCodeAt(0)),
      proxy.version,
    );
    // The worker closes a connection without a header: any worker will do.
    if (head.kind !== "whole") {
      return { whole: head.kind === "bad", key: () => undefined };
    }
    const { length, source } = head;
    return told(bytes.slice(length), Math.max(0, from - length), {
      tie,
      proxy: undefined,
      peer: source?.address ?? peer,
    });
  }
  // Of a client that ends TLS in the worker only the address can be seen.
  if (tie.by === "address" || !mayBeHttp(bytes)) {
    return { whole: true, key: () => peer };
  }
  return {
    whole: isComplete(bytes, tie, from),
    key: () => idIn(bytes, tie),
  };
}
