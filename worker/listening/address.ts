/**
 * The address of a listener as `server.address()` shows it.
 *
 * @module
 */

import type { Server } from "node:net";
import { parseListener } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";

/** The host to bind and to show: every interface when nothing is said. */
export function bindHost(host: string): string {
  return host === "" ? "::" : host;
}

/** What a server that serves a listener says of where it listens. */
export function addressOf(
  listener: InheritedListener,
): ReturnType<Server["address"]> {
  const { address } = parseListener(listener.address);
  if (address.kind === "fd") return null;
  if (address.kind === "unix") {
    return `${address.abstract ? "\0" : ""}${address.path}`;
  }
  const host = bindHost(address.host);
  return {
    address: host,
    port: address.port,
    family: host.includes(":") ? "IPv6" : "IPv4",
  };
}
