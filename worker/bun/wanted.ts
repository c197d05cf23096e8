/**
 * Where a program wants Bun's own servers.
 *
 * @module
 */

import process from "node:process";
import { tcpWanted, type Wanted } from "../match/wanted.ts";

/** What the options of Bun's listening functions say of the place. */
export interface BunPlaceOptions {
  /** The interface. */
  readonly hostname?: unknown;
  /** The port. */
  readonly port?: unknown;
  /** The path of a Unix socket. */
  readonly unix?: unknown;
  /** The number of an open socket, for `Bun.listen`. */
  readonly fd?: unknown;
}

/** The port that Bun takes unless told otherwise, as its documentation says. */
const DEFAULT_PORT = "3000";

/**
 * The place for `Bun.serve`; undefined for what Bun is to refuse in its own
 * words.
 */
export function wantedOfServe(options: BunPlaceOptions): Wanted | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { unix, hostname } = options;
  if (typeof unix === "string" && unix !== "") {
    return { kind: "unix", path: unix };
  }
  const { BUN_PORT, PORT, NODE_PORT } = process.env;
  const given = options.port ?? (BUN_PORT || PORT || NODE_PORT || DEFAULT_PORT);
  return tcpWanted(hostname, Number(given));
}

/**
 * The place for `Bun.listen`; undefined for an open socket, and for what Bun is
 * to refuse in its own words.
 */
export function wantedOfListen(options: BunPlaceOptions): Wanted | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { unix, hostname, port, fd } = options;
  if (typeof fd === "number") return undefined;
  if (typeof unix === "string") return { kind: "unix", path: unix };
  return typeof port === "number" ? tcpWanted(hostname, port) : undefined;
}
