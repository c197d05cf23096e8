/**
 * One name for a client, whether the kernel or the runtime tells of it.
 *
 * @module
 */

import net from "node:net";
import { addressBytes } from "../../core/options/networks.ts";
import { AF } from "../../libc/libc.ts";
import { portOf } from "../../libc/sockaddr.ts";

/** The name of a client at an address that a runtime shows. */
export function peerOf(host: string, port: number): string {
  // For each request: most clients have an address that needs no reading.
  if (net.isIPv4(host)) return `${host} ${port}`;
  const bytes = addressBytes(host);
  return bytes === undefined ? "" : named(bytes, port);
}

/** The name of a client at a sockaddr_in or sockaddr_in6, if it is one. */
export function peerOfSockaddr(address: Uint8Array): string | undefined {
  const family = address[0]! | address[1]! << 8;
  if (family === AF.inet) {
    return `${address.subarray(4, 8).join(".")} ${portOf(address)}`;
  }
  if (family !== AF.inet6) return undefined;
  return named([...address.subarray(8, 24)], portOf(address));
}

/** Clients of IPv4 have mapped addresses on a socket for both (RFC 4291). */
function named(bytes: readonly number[], port: number): string {
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 255 && bytes[11] === 255;
  return `${mapped ? bytes.slice(12).join(".") : bytes.join(".")} ${port}`;
}
