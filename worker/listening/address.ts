/**
 * The address of a listener as `server.address()` shows it.
 *
 * @module
 */

import type { Server } from "node:net";
import process from "node:process";
import { parseListener } from "../../core/options/address.ts";
import { DEFAULT_LISTEN } from "../../core/options/options.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";

/** The host to bind and to show: every interface when nothing is said. */
export function bindHost(host: string): string {
  return host === "" ? "::" : host;
}

/** Where a program is to listen that does not say where: PORT, else 8080. */
export function defaultAddress(): string {
  const { PORT } = process.env;
  return PORT ? `:${PORT}` : DEFAULT_LISTEN;
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
