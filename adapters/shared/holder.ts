/**
 * Who holds an address, as far as this user may see it (proc(5), Linux).
 *
 * @module
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { inodeIn, tcpSockets, unixSockets } from "../../libc/proc_net.ts";

/** The process that listens on a TCP port, as in `process 12 ("nginx")`. */
export function holderOfPort(port: number): string | undefined {
  for (const socket of tcpSockets(read)) {
    const holds = socket.listens && socket.port === port;
    const holder = holds ? ownerOf(socket.inode) : undefined;
    if (holder !== undefined) return holder;
  }
  return undefined;
}

/** The process with a Unix socket; an abstract name begins with `@`. */
export function holderOfPath(path: string): string | undefined {
  const socket = unixSockets(read).find((each) => each.path === path);
  return ownerOf(socket?.inode);
}

function ownerOf(inode: number | undefined): string | undefined {
  if (inode === undefined || inode === 0) return undefined;
  for (const pid of list("/proc").filter((name) => /^\d+$/.test(name))) {
    const directory = `/proc/${pid}/fd`;
    const isHere = (fd: string): boolean =>
      inodeIn(link(`${directory}/${fd}`)) === inode;
    if (list(directory).some(isHere)) {
      const name = read(`/proc/${pid}/comm`)?.trim();
      return `process ${pid}${name === undefined ? "" : ` ("${name}")`}`;
    }
  }
  return undefined;
}

/** Reads a text file, or nothing. */
export function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** What a symbolic link points at, or nothing. */
export function link(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}
