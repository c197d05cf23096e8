/**
 * The pool's address as Bun shows addresses.
 *
 * @module
 */

import { parseListener } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";

/** Where a server of Bun listens, in its members' words. */
export type BunAddress =
  | { readonly port: number; readonly hostname: string; readonly url: string }
  | {
    readonly path: string;
    readonly abstract: boolean;
    readonly url: string;
  };

/** The address of a listener; undefined for one that has none to show. */
export function bunAddress(
  { address: text }: InheritedListener,
  scheme: string,
): BunAddress | undefined {
  const { address } = parseListener(text);
  if (address.kind === "fd") return undefined;
  if (address.kind === "unix") {
    const { path, abstract } = address;
    return {
      path,
      abstract,
      url: `${abstract ? "abstract" : "unix"}://${path}`,
    };
  }
  const { host, port } = address;
  // Bun says "localhost" of a server on every interface (1.4.4).
  const hostname = host === "" || host === "::" || host === "0.0.0.0"
    ? "localhost"
    : host;
  const authority = hostname.includes(":") ? `[${hostname}]` : hostname;
  return { port, hostname, url: `${scheme}://${authority}:${port}/` };
}

/** The members of a listener, or of a bridged server, that show it. */
export function addressMembers(
  listener: InheritedListener,
): PropertyDescriptorMap {
  const address = bunAddress(listener, "http");
  if (address === undefined) return {};
  const show = (value: unknown): PropertyDescriptor => ({
    value,
    enumerable: true,
    configurable: true,
  });
  const url = show(new URL(address.url));
  return "path" in address
    ? { unix: show(address.path), url }
    : { port: show(address.port), hostname: show(address.hostname), url };
}
