/**
 * Sockets that this process was itself started with: `fd:3`, as systemd and
 * other supervisors pass them (sd_listen_fds(3)).
 *
 * @module
 */

import type { Address } from "../../core/options/address.ts";
import { inodeIn, tcpSockets, unixSockets } from "../../libc/proc_net.ts";
import { linkProc, readProc } from "./proc.ts";

/**
 * Finds out what an inherited file descriptor is bound to.
 *
 * @throws {Error} whose message is the rest of a sentence
 */
export async function inheritedAddress(fd: number): Promise<Address> {
  const target = await Promise.resolve(linkProc(`/proc/self/fd/${fd}`));
  if (target === undefined) {
    throw new Error(
      `file descriptor ${fd} is not open in this process, check what its parent passes on (systemd: "Sockets=" and sd_listen_fds(3))`,
    );
  }
  const inode = inodeIn(target);
  if (inode === undefined) {
    throw new Error(
      `file descriptor ${fd} is no socket but ${target}, pass a bound stream socket`,
    );
  }
  const address = tcp(inode) ?? unix(inode);
  if (address === undefined) {
    // A TCP socket that is bound and does not listen yet is in no table.
    throw new Error(
      `file descriptor ${fd} is a socket whose address is not visible, let its parent call listen(2) before passing it on`,
    );
  }
  return address;
}

function tcp(inode: number): Address | undefined {
  const socket = tcpSockets(readProc).find((each) => each.inode === inode);
  if (socket === undefined) return undefined;
  const { host, port } = socket;
  const everywhere = /^0+$/.test(host) && host.length > 8;
  return { kind: "tcp", host: everywhere ? "" : readable(host), port };
}

/** An address out of /proc/net: 32-bit words, each in host byte order. */
function readable(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16))
  );
  if (bytes.length === 4) return bytes.join(".");
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((i) =>
    (bytes[i]! * 256 + bytes[i + 1]!).toString(16)
  );
  // The URL parser writes IPv6 in its canonical form (RFC 5952).
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function unix(inode: number): Address | undefined {
  const name = unixSockets(readProc).find((each) => each.inode === inode)?.path;
  if (name === undefined || name === "") return undefined;
  return name.startsWith("@")
    ? { kind: "unix", path: name.slice(1), abstract: true }
    : { kind: "unix", path: name, abstract: false };
}
