/**
 * Where a program wants Deno's own servers.
 *
 * @module
 */

import process from "node:process";
import { tcpWanted, type Wanted } from "../match/wanted.ts";

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

/** The port that Deno takes unless told otherwise. */
const DEFAULT_PORT = 8000;

/**
 * The place for `Deno.serve`, with the habit of Node's programs: Deno itself
 * does not look at `PORT`. Undefined for what no pool holds and for what Deno
 * is to refuse in its own words.
 */
export function wantedOfServe(options: DenoPlaceOptions): Wanted | undefined {
  return wantedOf(options, Number(process.env["PORT"] || DEFAULT_PORT));
}

/** The same for `Deno.listen` and `Deno.listenTls`. */
export function wantedOfListen(options: DenoPlaceOptions): Wanted | undefined {
  return wantedOf(options, undefined);
}

function wantedOf(
  options: DenoPlaceOptions,
  fallback: number | undefined,
): Wanted | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { path, hostname, port = fallback, transport, cid } = options;
  if (typeof path === "string") return { kind: "unix", path };
  if (cid !== undefined || transport === "vsock") return undefined;
  return tcpWanted(hostname, port);
}
