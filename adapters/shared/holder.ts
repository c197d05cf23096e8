/**
 * Who holds an address, as far as this user may see it (proc(5), Linux).
 *
 * @module
 */

import { inodeIn, tcpSockets, unixSockets } from "../../libc/proc_net.ts";
import { linkProc, listProc, readProc } from "./proc.ts";

/** The process that listens on a TCP port, as in `process 12 ("nginx")`. */
export function holderOfPort(port: number): string | undefined {
  for (const socket of tcpSockets(readProc)) {
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
  if (inode === 0) return undefined;
  for (const pid of listProc("/proc").filter((name) => /^\d+$/.test(name))) {
    const directory = `/proc/${pid}/fd`;
    const isHere = (fd: string): boolean =>
      inodeIn(linkProc(`${directory}/${fd}`)) === inode;
    if (listProc(directory).some(isHere)) {
      const name = readProc(`/proc/${pid}/comm`)?.trim();
      return `process ${pid}${name === undefined ? "" : ` ("${name}")`}`;
    }
  }
  return undefined;
}
