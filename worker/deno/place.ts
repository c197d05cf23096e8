/**
 * Where a program wants Deno's own servers.
 *
 * @module
 */

import type { Wanted } from "../claim/claim.ts";

/** What the options of Deno's listening functions say of the place. */
export interface DenoPlaceOptions {
  /** The interface. */
  readonly hostname?: unknown;
  /** The port. */
  readonly port?: unknown;
  /** The path of a Unix socket. */
  readonly path?: unknown;
  /** "tcp", "unix" or "vsock". */
  readonly transport?: unknown;
  /** True to share the address by SO_REUSEPORT. */
  readonly reusePort?: unknown;
  /** The number of a virtual machine. */
  readonly cid?: unknown;
  /** The certificate, for TLS. */
  readonly cert?: unknown;
}

/**
 * The place; undefined for what no pool holds and for what Deno is to refuse
 * in its own words.
 *
 * @param fallback the port when none is given
 */
export function wantedOfDeno(
  options: DenoPlaceOptions | undefined,
  fallback: number | undefined,
): Wanted | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { path, hostname, port = fallback, transport, cid } = options;
  if (typeof path === "string") return { kind: "unix", path };
  if (cid !== undefined || transport === "vsock") return undefined;
  const number = typeof port === "string" ? Number(port) : port;
  if (
    typeof number !== "number" || !Number.isInteger(number) || number < 0 ||
    number > 65535
  ) return undefined;
  return {
    kind: "tcp",
    host: typeof hostname === "string" && hostname !== ""
      ? hostname
      : undefined,
    port: number,
  };
}
