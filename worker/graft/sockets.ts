/**
 * Looks at the sockets of this process.
 *
 * @module
 */

import { AF, fixed, optionOf, sizeOf, SO } from "../../libc/libc.ts";
import { inodeIn } from "../../libc/proc_net.ts";
import { portOf } from "../../libc/sockaddr.ts";
import type { Kernel } from "./kernel.ts";

/** Where a socket is bound. */
export type BoundAt =
  /** A TCP port. */
  | { readonly port: number }
  /** The path of a Unix socket; a leading NUL makes it abstract. */
  | { readonly path: string };

/** What is known of a socket. */
export interface SeenSocket {
  /** Its file descriptor. */
  readonly fd: number;
  /** The number of the socket itself, whatever descriptors it has. */
  readonly inode: number;
  /** The address family (bits/socket.h). */
  readonly domain: number;
  /** SOCK_STREAM or another type (socket(2)). */
  readonly type: number;
  /** True when connections can be accepted from it. */
  readonly listens: boolean;
  /** Where it is bound; undefined for other families than IP and Unix. */
  readonly at: BoundAt | undefined;
}

/** Looks at one descriptor; undefined when it is no socket. */
export function socketAt(kernel: Kernel, fd: number): SeenSocket | undefined {
  const inode = inodeOf(kernel, fd);
  if (inode === undefined) return undefined;
  const domain = optionOf(kernel.libc, fd, SO.domain);
  const type = optionOf(kernel.libc, fd, SO.type);
  const listens = optionOf(kernel.libc, fd, SO.acceptConn);
  if (domain === undefined || type === undefined) return undefined;
  return {
    fd,
    inode,
    domain,
    type,
    listens: listens === 1,
    at: boundAt(kernel, fd),
  };
}

/** The number of a socket, or undefined when the descriptor is none. */
export function inodeOf(kernel: Kernel, fd: number): number | undefined {
  return inodeIn(kernel.target(fd));
}

/** True for addresses that are the same one. */
export function sameAddress(a: BoundAt | undefined, b: BoundAt): boolean {
  if (a === undefined) return false;
  return "port" in a
    ? "port" in b && a.port === b.port
    : "path" in b && a.path === b.path;
}

/** True for the two families of TCP: a graft may change one for the other. */
export function isIp(domain: number): boolean {
  return domain === AF.inet || domain === AF.inet6;
}

/** TCP_DEFER_ACCEPT of tcp(7). */
const DEFER_ACCEPT = 9;

/**
 * Has the kernel hold back connections until they have sent something, if it
 * does so for another socket. Bun has it do so for its own (1.4.4), which saves
 * it a wake-up for each connection; a server can do without, so it may fail.
 */
export function deferAsWell(kernel: Kernel, from: number, to: number): void {
  const seconds = optionOf(kernel.libc, from, DEFER_ACCEPT, SO.tcp) ?? 0;
  if (seconds <= 0) return;
  const value = fixed(4);
  new DataView(value.buffer).setInt32(0, seconds, true);
  kernel.libc.setsockopt(to, SO.tcp, DEFER_ACCEPT, value, value.length);
}

/** Where a socket is bound: getsockname(2). */
export function boundAt({ libc }: Kernel, fd: number): BoundAt | undefined {
  const address = fixed(128);
  const length = sizeOf(address);
  if (libc.getsockname(fd, address, length) < 0) return undefined;
  const family = new DataView(address.buffer).getUint16(0, true);
  if (isIp(family)) return { port: portOf(address) };
  if (family !== AF.unix) return undefined;
  const bytes = new DataView(length.buffer).getUint32(0, true);
  const path = new TextDecoder().decode(address.subarray(2, bytes));
  // A path ends at its NUL, an abstract name is as long as the address says.
  return { path: path.startsWith("\0") ? path : path.replace(/\0.*$/s, "") };
}
