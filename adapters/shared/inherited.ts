/**
 * Sockets that this process was itself started with, as systemd and other
 * supervisors pass them on (sd_listen_fds(3)): what each of them is, by libc, or
 * by the tables of /proc where that cannot be called.
 *
 * @module
 */

import process from "node:process";
import type { OwnSockets, SocketFacts } from "../../core/inherited/socket.ts";
import type { Address } from "../../core/options/address.ts";
import { shortIpv6 } from "../../core/options/networks.ts";
import {
  AF,
  checked,
  F,
  fixed,
  type Libc,
  optionOf,
  sizeOf,
  SO,
  SOCK,
} from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";
import { openPidfd } from "../../libc/pidfd.ts";
import { inodeText } from "../../libc/proc.ts";
import {
  inodeIn,
  tcpSockets,
  udpSockets,
  unixSockets,
} from "../../libc/proc_net.ts";
import { hostOf, portOf } from "../../libc/sockaddr.ts";
import { called, holdersOf, isAncestor } from "./holder.ts";
import { inodeAt, linkProc, readProc } from "./proc.ts";

/** See {@linkcode OwnSockets}. */
export const ownSockets: OwnSockets = {
  parentPid: process.ppid,
  pidfdId,
  ancestor: (pid) => isAncestor(pid) ? called(pid) : undefined,
  socketOf,
  neighboursOf: (fd) => {
    const inode = inodeAt(fd);
    const known = [1, process.pid, process.ppid];
    return inode === undefined ? [] : holdersOf(inode, known);
  },
  say,
};

function say(path: string, text: string): Promise<string | undefined> {
  const { connect } = process.getBuiltinModule("node:net");
  return new Promise((resolve) => {
    const socket = connect({ path }, () => socket.end(text));
    socket.once("close", () => resolve(undefined));
    socket.once("error", (error) => resolve(error.message));
    // Nothing is answered, and a parent that reads nothing delays nobody.
    socket.unref();
  });
}

function pidfdId(): string | undefined {
  const libc = libcHere();
  const fd = libc && openPidfd(libc, process.pid);
  if (libc === undefined || fd === undefined) return undefined;
  try {
    return inodeText(libc, fd);
  } finally {
    libc.close(fd);
  }
}

function socketOf(fd: number): SocketFacts | string {
  const libc = libcHere();
  const target = linkProc(`/proc/self/fd/${fd}`);
  const isOpen = libc === undefined
    ? target !== undefined
    : libc.fcntl(fd, F.getfd, 0) >= 0;
  if (!isOpen) {
    return `is not open in this process, check what its parent passes on (systemd: "Sockets=" and sd_listen_fds(3))`;
  }
  const inode = inodeIn(target);
  if (inode === undefined && target !== undefined) {
    return `is no socket but ${target}, pass a bound stream socket`;
  }
  const facts = libc === undefined
    ? byTables(fd, inode ?? 0)
    : byLibc(libc, fd);
  return facts ??
    "is a socket whose address is not visible, let its parent call listen(2) before passing it on";
}

const TYPES: Readonly<Record<number, string>> = {
  [SOCK.stream]: "stream",
  [SOCK.dgram]: "datagram",
};

const FAMILIES: Readonly<Record<number, string>> = {
  [AF.unix]: "Unix",
  [AF.inet]: "IPv4",
  [AF.inet6]: "IPv6",
};

/** The longest address: sockaddr_un of unix(7). */
const MAX_ADDRESS = 110;

function byLibc(libc: Libc, fd: number): SocketFacts | string {
  try {
    const type = checked(libc, optionOf(libc, fd, SO.type) ?? -1, "getsockopt");
    const family = optionOf(libc, fd, SO.domain) ?? 0;
    const address = ofType(type, boundTo(libc, fd, family));
    return {
      type: TYPES[type] ?? `type-${type}`,
      family: FAMILIES[family] ?? `family ${family}`,
      listens: optionOf(libc, fd, SO.acceptConn) === 1,
      blocks: (libc.fcntl(fd, F.getfl, 0) & SOCK.nonblock) === 0,
      ...(address !== undefined && { address }),
    };
  } catch {
    return "is no socket, pass a bound stream socket";
  }
}

/** Where datagrams come to is written in another way. */
function ofType(
  type: number,
  address: Address | undefined,
): Address | undefined {
  if (type !== SOCK.dgram || address?.kind !== "tcp") return address;
  return { ...address, kind: "udp", host: address.host || "::" };
}

function boundTo(libc: Libc, fd: number, family: number): Address | undefined {
  const bytes = fixed(MAX_ADDRESS);
  const size = sizeOf(bytes);
  checked(libc, libc.getsockname(fd, bytes, size), "getsockname");
  if (family === AF.unix) {
    const [length = 0] = size;
    const isAbstract = bytes[2] === 0;
    const end = isAbstract ? length : bytes.indexOf(0, 2);
    const name = bytes.subarray(isAbstract ? 3 : 2, end < 0 ? length : end);
    if (length <= 3) return undefined;
    const path = new TextDecoder().decode(name);
    return { kind: "unix", path, abstract: isAbstract };
  }
  const host = hostOf(bytes);
  const port = portOf(bytes);
  if (host === undefined || port === 0) return undefined;
  return { kind: "tcp", host: asListened(host), port };
}

/** By what is listed of the sockets of all processes. */
function byTables(fd: number, inode: number): SocketFacts | undefined {
  const flags = /^flags:\s+(\d+)$/m.exec(
    readProc(`/proc/self/fdinfo/${fd}`) ?? "",
  )?.[1];
  const blocks = (parseInt(flags ?? "0", 8) & SOCK.nonblock) === 0;
  const tables = [["stream", tcpSockets], ["datagram", udpSockets]] as const;
  for (const [type, read] of tables) {
    const found = read(readProc).find((each) => each.inode === inode);
    if (found === undefined) continue;
    const { host, port, listens } = found;
    const family = host.length > 8 ? "IPv6" : "IPv4";
    const bound = { kind: "tcp", host: readable(host), port } as const;
    const number = type === "datagram" ? SOCK.dgram : SOCK.stream;
    const address = ofType(number, bound)!;
    return { type, family, blocks, address, listens };
  }
  const found = unixSockets(readProc).find((each) => each.inode === inode);
  if (found === undefined) return undefined;
  const { path, listens, type } = found;
  const abstract = path.startsWith("@");
  return {
    type: TYPES[type] ?? `type-${type}`,
    family: "Unix",
    listens,
    blocks,
    ...(path !== "" && {
      address: {
        kind: "unix",
        path: abstract ? path.slice(1) : path,
        abstract,
      },
    }),
  };
}

/** An address out of /proc/net: 32-bit words, each in host byte order. */
export function readable(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16))
  );
  if (bytes.length === 4) return bytes.join(".");
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((i) =>
    (bytes[i]! * 256 + bytes[i + 1]!).toString(16)
  );
  return asListened(groups.join(":"));
}

/** A host as addresses of listeners have it: IPv6 in short, all of it is "". */
function asListened(host: string): string {
  if (!host.includes(":")) return host;
  const short = shortIpv6(host);
  return short === "::" ? "" : short;
}
