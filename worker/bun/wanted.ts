/**
 * Where a program wants Bun's own servers.
 *
 * @module
 */

import process from "node:process";
import { DEFAULT_LISTEN } from "../../core/options/options.ts";
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
  const given = portOf(options) ??
    (servesExport() ? DEFAULT_LISTEN.slice(1) : DEFAULT_PORT);
  return tcpWanted(hostname, Number(given));
}

/** True for a default export that does not say where to listen. */
export function isDefaultPort(options: BunPlaceOptions): boolean {
  return options.unix === undefined && portOf(options) === undefined &&
    servesExport();
}

function portOf({ port }: BunPlaceOptions): unknown {
  const { BUN_PORT, PORT, NODE_PORT } = process.env;
  return port ?? (BUN_PORT || PORT || NODE_PORT || undefined);
}

/**
 * True within a call of Bun's own for the default export of the main module:
 * the caller is the script that Bun starts programs by (1.4.4).
 */
function servesExport(): boolean {
  return /\bbun:main\b[^\n]*$/.test(new Error().stack?.trimEnd() ?? "");
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
