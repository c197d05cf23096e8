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
import process from "node:process";
import { linkProc, listProc, readProc, statOf } from "./proc.ts";

/** The process that has a port. */
export function holderOfPort(
  port: number,
  kind: "tcp" | "udp",
): number | undefined {
  const sockets = kind === "tcp" ? tcpSockets : udpSockets;
  for (const socket of sockets(readProc)) {
    const holds = socket.listens && socket.port === port;
    const holder = holds ? ownerOf(socket.inode) : undefined;
    if (holder !== undefined) return holder;
  }
  return undefined;
}

/** The process with a Unix socket; an abstract name begins with `@`. */
export function holderOfPath(path: string): number | undefined {
  // Each connection that it has accepted, or not yet, bears the same path.
  for (const socket of unixSockets(readProc)) {
    const holder = socket.path === path ? ownerOf(socket.inode) : undefined;
    if (holder !== undefined) return holder;
  }
  return undefined;
}

/** This process only if no other has it: it may be inherited from who is meant. */
function ownerOf(inode: number): number | undefined {
  if (inode === 0) return undefined;
  return holding(inode, [process.pid]).next().value ??
    holding(inode, []).next().value;
}

/** The processes that have a socket, as far as they may be looked at, by name. */
export function holdersOf(
  inode: number,
  except: readonly number[],
): readonly string[] {
  return [...holding(inode, except)].map(called);
}

function* holding(
  inode: number,
  except: readonly number[],
): Generator<number, undefined> {
  for (const pid of listProc("/proc").filter((name) => /^\d+$/.test(name))) {
    if (except.includes(Number(pid))) continue;
    const directory = `/proc/${pid}/fd`;
    const isHere = (fd: string): boolean =>
      inodeIn(linkProc(`${directory}/${fd}`)) === inode;
    if (!listProc(directory).some(isHere)) continue;
    yield Number(pid);
  }
  return undefined;
}

/** A process by its name, as in `process 12 ("nginx")`. */
export function called(pid: number): string {
  const name = readProc(`/proc/${pid}/comm`)?.trim();
  return `process ${pid}${name === undefined ? "" : ` ("${name}")`}`;
}

/** True for a process that this one descends from. */
export function isAncestor(pid: number): boolean {
  for (let above = statOf(process.pid)?.parent; above;) {
    if (above === pid) return true;
    above = statOf(above)?.parent;
  }
  return false;
}
