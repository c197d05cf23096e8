/**
 * Datagrams by libc, for a runtime that takes no socket over: recvmsg(2) and
 * sendmsg(2) with addresses, and what `node:dgram` sets by setsockopt(2).
 *
 * @module
 */

import os from "node:os";
import { addressBytes, ipFamily, shortIpv6 } from "../core/options/networks.ts";
import {
  AF,
  checked,
  fixed,
  type Libc,
  MSG_NOSIGNAL_DONTWAIT,
  MSG_RECEIVE,
  optionOf,
  sizeOf,
  SO,
} from "./libc.ts";
import { hostOf, ipSockaddr, portOf, scopeOf } from "./sockaddr.ts";

/** Levels and names of setsockopt(2): socket(7), ip(7), ipv6(7). */
const SOL = { ip: 0, ipv6: SO.ipv6, socket: SO.socket } as const;
const JOIN = { v4: 35, v6: 20 } as const;
const LEAVE = { v4: 36, v6: 21 } as const;

/** Options of `node:dgram` that are a number. */
export type DgramNumber =
  | "broadcast"
  | "receiveBuffer"
  | "sendBuffer"
  | "ttl"
  | "multicastTtl"
  | "multicastLoop";

/** Level and name of each, for IPv4 and for IPv6. */
const NUMBERS: Readonly<
  Record<DgramNumber, Record<"v4" | "v6", readonly [number, number]>>
> = {
  broadcast: { v4: [SOL.socket, 6], v6: [SOL.socket, 6] },
  receiveBuffer: { v4: [SOL.socket, 8], v6: [SOL.socket, 8] },
  sendBuffer: { v4: [SOL.socket, 7], v6: [SOL.socket, 7] },
  ttl: { v4: [SOL.ip, 2], v6: [SOL.ipv6, 16] },
  multicastTtl: { v4: [SOL.ip, 33], v6: [SOL.ipv6, 18] },
  multicastLoop: { v4: [SOL.ip, 34], v6: [SOL.ipv6, 19] },
};

/** Sets an option that is a number; returns what setsockopt(2) does. */
export function setNumber(
  libc: Libc,
  fd: number,
  name: DgramNumber,
  value: number,
): number {
  const family = familyOf(libc, fd) === AF.inet ? "v4" : "v6";
  const [level, option] = NUMBERS[name][family];
  const bytes = fixed(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return libc.setsockopt(fd, level, option, bytes, 4);
}

/** The size of a buffer, in bytes; 0 where it cannot be told. */
export function bufferSize(
  libc: Libc,
  fd: number,
  name: "receiveBuffer" | "sendBuffer",
): number {
  const [level, option] = NUMBERS[name].v4;
  return optionOf(libc, fd, option, level) ?? 0;
}

/**
 * Joins a multicast group, or leaves it: struct ip_mreq of ip(7), struct
 * ipv6_mreq of ipv6(7). Returns what setsockopt(2) does.
 *
 * @param at for IPv4 the address of the interface, for IPv6 any with its zone,
 * as in `::%eth0`; that of the group unless given, else the kernel chooses
 */
export function setMembership(
  libc: Libc,
  fd: number,
  group: string,
  on: boolean,
  at?: string,
): number {
  const names = on ? JOIN : LEAVE;
  const four = ipFamily(group) === 4;
  const bytes = fixed(four ? 8 : 20);
  const of = (host: string): readonly number[] => addressBytes(host) ?? [];
  if (four) {
    // IPv4 is the end of IPv6 (RFC 4291).
    bytes.set(of(group).slice(12));
    if (at !== undefined) bytes.set(of(at).slice(12), 4);
    return libc.setsockopt(fd, SOL.ip, names.v4, bytes, 8);
  }
  bytes.set(of(group));
  new DataView(bytes.buffer).setUint32(16, scopeOf(at ?? group), true);
  return libc.setsockopt(fd, SOL.ipv6, names.v6, bytes, 20);
}

/**
 * Joins a group.
 *
 * @throws {Error} with `code`
 */
export function joinGroup(libc: Libc, fd: number, group: string): void {
  checked(libc, setMembership(libc, fd, group, true), "setsockopt");
}

/** The family of a socket: AF_INET or AF_INET6. */
function familyOf(libc: Libc, fd: number): number {
  return optionOf(libc, fd, SO.domain) === AF.inet6 ? AF.inet6 : AF.inet;
}

/** Where a datagram comes from or goes to, as `node:dgram` has it. */
export interface DgramPeer {
  /** A numeric host. */
  readonly address: string;
  /** Its family. */
  readonly family: "IPv4" | "IPv6";
  /** Its port. */
  readonly port: number;
}

/** struct msghdr and struct iovec of 64-bit Linux (sendmsg(2)). */
const HEADER = { name: 0, nameLength: 8, buffers: 16, count: 24, size: 56 };

/** More than any datagram of IP without jumbograms. */
const MOST = 65_536;

/** The longest socket address, sockaddr_storage. */
const NAME = 128;

/**
 * Sends one datagram; returns how many bytes, or a negative error number.
 *
 * @param to a numeric host, and a port
 */
export type SendDatagram = (
  parts: readonly Uint8Array[],
  to: Omit<DgramPeer, "family">,
) => number;

/** Sends and receives datagrams with one buffer; calls are synchronous. */
export interface Datagrams {
  /** The next datagram, in bytes of its own; undefined when none can be had now. */
  receive(fd: number): { bytes: Uint8Array; from: DgramPeer } | undefined;
  /** Makes what sends from a socket, which is asked for its family once. */
  sender(fd: number): SendDatagram;
  /** The address of a socket, or a negative error number. */
  address(fd: number): DgramPeer | number;
}

/** Makes the one of this process. */
export function openDatagrams(libc: Libc): Datagrams {
  const data = fixed(MOST);
  const name = fixed(NAME);
  const buffer = fixed(16);
  const header = fixed(HEADER.size);
  const view = new DataView(header.buffer);
  // The header has addresses alone, and only buffers that stay: whatever nothing
  // else refers to may be collected before the call.
  const aim = (length: number, nameLength: number): void => {
    const part = new DataView(buffer.buffer);
    part.setBigUint64(0, libc.pointer(data), true);
    part.setBigUint64(8, BigInt(length), true);
    view.setBigUint64(HEADER.name, libc.pointer(name), true);
    view.setUint32(HEADER.nameLength, nameLength, true);
    view.setBigUint64(HEADER.buffers, libc.pointer(buffer), true);
    view.setBigUint64(HEADER.count, 1n, true);
  };
  return {
    receive(fd) {
      aim(MOST, NAME);
      const count = libc.recvmsg(fd, header, MSG_RECEIVE);
      // EAGAIN mostly. An error of an answer that was sent is told once, and
      // epoll_wait(2) goes on to report what waits behind it.
      return count < 0
        ? undefined
        : { bytes: data.slice(0, count), from: peerOf(name) };
    },
    sender(fd) {
      const six = familyOf(libc, fd) === AF.inet6;
      return (parts, { address, port }) => {
        const length = parts.reduce((sum, part) => sum + part.length, 0);
        if (length > MOST) return -os.constants.errno.EMSGSIZE;
        let at = 0;
        for (const part of parts) {
          data.set(part, at);
          at += part.length;
        }
        const mapped = six && !address.includes(":");
        const to = ipSockaddr(mapped ? `::ffff:${address}` : address, port);
        name.set(to);
        aim(length, to.length);
        const sent = libc.sendmsg(fd, header, MSG_NOSIGNAL_DONTWAIT);
        return sent < 0 ? -libc.errno() : sent;
      };
    },
    address(fd) {
      return libc.getsockname(fd, name, sizeOf(name)) < 0
        ? -libc.errno()
        : peerOf(name);
    },
  };
}

/** Reads an address as `node:dgram` writes it. */
function peerOf(sockaddr: Uint8Array): DgramPeer {
  const port = portOf(sockaddr);
  const host = hostOf(sockaddr) ?? "";
  if (!host.includes(":")) return { address: host, family: "IPv4", port };
  const view = new DataView(sockaddr.buffer, sockaddr.byteOffset);
  const scope = view.getUint32(24, true);
  const address = shortHost(host, sockaddr.subarray(8, 24)) +
    (scope > 0 ? `%${scope}` : "");
  return { address, family: "IPv6", port };
}

/** Hosts as they were last written: most datagrams come from few. */
const written = new Map<string, string>();

/** So many are kept. */
const MAX_WRITTEN = 256;

/** The usual form, and IPv4 by its numbers. */
function shortHost(groups: string, bytes: Uint8Array): string {
  if (groups.startsWith("0:0:0:0:0:ffff:")) {
    return `::ffff:${bytes.subarray(12).join(".")}`;
  }
  const known = written.get(groups);
  if (known !== undefined) return known;
  const host = shortIpv6(groups);
  if (written.size >= MAX_WRITTEN) written.clear();
  written.set(groups, host);
  return host;
}
