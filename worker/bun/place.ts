/**
 * How Bun's servers show where they listen.
 *
 * @module
 */

import { parseListener } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";

/** The members of a server of Bun that show a listener's address. */
export function sayWhere(listener: InheritedListener): PropertyDescriptorMap {
  const { address } = parseListener(listener.address);
  const show = (value: unknown): PropertyDescriptor => ({
    value,
    enumerable: true,
    configurable: true,
  });
  if (address.kind === "fd") return {};
  if (address.kind === "unix") {
    return {
      unix: show(address.path),
      url: show(
        new URL(`${address.abstract ? "abstract" : "unix"}://${address.path}`),
      ),
    };
  }
  const { host, port } = address;
  // Bun says "localhost" of a server on every interface (1.4.4).
  const hostname = host === "" || host === "::" || host === "0.0.0.0"
    ? "localhost"
    : host;
  const authority = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    port: show(port),
    hostname: show(hostname),
    url: show(new URL(`http://${authority}:${port}/`)),
  };
}
