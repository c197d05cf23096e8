/**
 * Socket addresses as libc wants them: sockaddr_in (ip(7)), sockaddr_in6
 * (ipv6(7)) and sockaddr_un (unix(7)).
 *
 * @module
 */

import os from "node:os";
import { addressBytes, ipFamily } from "../core/options/networks.ts";
import { AF, fixed } from "./libc.ts";

/** Builds the address of a numeric IPv4 or IPv6 host. */
export function ipSockaddr(host: string, port: number): Uint8Array {
  return ipFamily(host) === 4 ? ipv4(host, port) : ipv6(host, port);
}

/** Builds the address of a Unix socket; a leading NUL makes it abstract. */
export function unixSockaddr(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  // An abstract name is as long as the address says, a path ends at its NUL.
  const bytes = fixed(2 + name.length + (path.startsWith("\0") ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, AF.unix, true);
  bytes.set(name, 2);
  return bytes;
}

/** Reads the port out of an address that getsockname(2) wrote. */
export function portOf(sockaddr: Uint8Array): number {
  return sockaddr[2]! * 256 + sockaddr[3]!;
}

/**
 * Reads the host out of an address that getpeername(2) wrote; undefined for
 * families without one. Groups of IPv6 are written out, so equal hosts are
 * equal texts.
 */
export function hostOf(sockaddr: Uint8Array): string | undefined {
  const family = new DataView(sockaddr.buffer, sockaddr.byteOffset)
    .getUint16(0, true);
  if (family === AF.inet) return sockaddr.subarray(4, 8).join(".");
  if (family !== AF.inet6) return undefined;
  const groups = Array.from(
    { length: 8 },
    (_, i) => (sockaddr[8 + 2 * i]! * 256 + sockaddr[9 + 2 * i]!).toString(16),
  );
  return groups.join(":");
}

function ipv4(host: string, port: number): Uint8Array {
  const bytes = fixed(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.inet, true);
  view.setUint16(2, port);
  bytes.set(host.split(".").map(Number), 4);
  return bytes;
}

function ipv6(host: string, port: number): Uint8Array {
  const [address] = host.split("%");
  const bytes = fixed(28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.inet6, true);
  view.setUint16(2, port);
  bytes.set(addressBytes(address!)!, 8);
  view.setUint32(24, scopeOf(host), true);
  return bytes;
}

/** The number of the interface that `%eth0` names after an address, or 0. */
export function scopeOf(host: string): number {
  const [, zone] = host.split("%");
  if (zone === undefined) return 0;
  if (/^\d+$/.test(zone)) return Number(zone);
  // Of an interface's addresses those of its link alone tell its number.
  for (const each of os.networkInterfaces()[zone] ?? []) {
    if (each.family === "IPv6" && each.scopeid > 0) return each.scopeid;
  }
  return 0;
}
