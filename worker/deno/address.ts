/**
 * The pool's address as Deno shows addresses.
 *
 * @module
 */

import process from "node:process";
import { parseListener } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { bindHost } from "../listening/address.ts";

/** The address of a listener. */
export function denoAddress(
  { address: text }: InheritedListener,
): Deno.NetAddr | Deno.UnixAddr {
  const { address } = parseListener(text);
  switch (address.kind) {
    case "unix": {
      const path = `${address.abstract ? "\0" : ""}${address.path}`;
      return { transport: "unix", path };
    }
    case "tcp": {
      const hostname = bindHost(address.host);
      return { transport: "tcp", hostname, port: address.port };
    }
    case "udp":
    case "fd":
      // The supervisor tells workers the real address of such a socket.
      throw new TypeError(`Cannot show the address "${text}"`);
  }
}

/** Addresses that no client can connect to by that name. */
const EVERYWHERE: readonly string[] = ["0.0.0.0", "::"];

/** Writes the line that Deno 2.9.5 does when there is no `onListen`. */
export function logListening(
  address: Deno.NetAddr | Deno.UnixAddr,
  tls: boolean,
): void {
  process.stderr.write(`Listening on ${shownAddress(address, tls)}\n`);
}

function shownAddress(
  address: Deno.NetAddr | Deno.UnixAddr,
  tls: boolean,
): string {
  if ("path" in address) return address.path;
  const { hostname, port } = address;
  const url = (host: string): string =>
    `http${tls ? "s" : ""}://${host}:${port}/`;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return EVERYWHERE.includes(hostname)
    ? `${url(host)} (${url("localhost")})`
    : url(host);
}
