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
  const socket = unixSockets(readProc).find((each) => each.path === path);
  return ownerOf(socket?.inode);
}

function ownerOf(inode: number | undefined): string | undefined {
  if (inode === undefined || inode === 0) return undefined;
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
