/**
 * Who holds an address, as far as this user may see it (proc(5), Linux).
 *
 * @module
 */

import {
  inodeIn,
  tcpSockets,
  udpSockets,
  unixSockets,
} from "../../libc/proc_net.ts";
import { linkProc, listProc, readProc } from "./proc.ts";

/** The process that has a port, as in `process 12 ("nginx")`. */
export function holderOfPort(
  port: number,
  kind: "tcp" | "udp",
): string | undefined {
  const sockets = kind === "tcp" ? tcpSockets : udpSockets;
  for (const socket of sockets(readProc)) {
    const holds = socket.listens && socket.port === port;
    const holder = holds ? ownerOf(socket.inode) : undefined;
    if (holder !== undefined) return holder;
  }
  return undefined;
}

/** The process with a Unix socket; an abstract name begins with `@`. */
export function holderOfPath(path: string): string | undefined {
  // Each connection that it has accepted, or not yet, bears the same path.
  for (const socket of unixSockets(readProc)) {
    const holder = socket.path === path ? ownerOf(socket.inode) : undefined;
    if (holder !== undefined) return holder;
  }
  return undefined;
}

function ownerOf(inode: number): string | undefined {
  return inode === 0 ? undefined : holding(inode, []).next().value;
}

/** The processes that have a socket, as far as they may be looked at. */
export function holdersOf(
  inode: number,
  except: readonly number[],
): readonly string[] {
  return [...holding(inode, except)];
}

function* holding(
  inode: number,
  except: readonly number[],
): Generator<string, undefined> {
  for (const pid of listProc("/proc").filter((name) => /^\d+$/.test(name))) {
    if (except.includes(Number(pid))) continue;
    const directory = `/proc/${pid}/fd`;
    const isHere = (fd: string): boolean =>
      inodeIn(linkProc(`${directory}/${fd}`)) === inode;
    if (!listProc(directory).some(isHere)) continue;
    const name = readProc(`/proc/${pid}/comm`)?.trim();
    const called = name === undefined ? "" : ` ("${name}")`;
    yield `process ${pid}${called}`;
  }
  return undefined;
}
