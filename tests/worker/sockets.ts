/**
 * What the kernel says of a process' sockets (Linux, proc(5)).
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { linkProc, readProc } from "../../adapters/shared/proc.ts";
import { inodeIn, tcpSockets } from "../../libc/proc_net.ts";

/** The ports of all listening sockets, by their inodes. */
function listeningPorts(): Map<number, number> {
  const read = (path: string): string => readFileSync(path, "utf8");
  return new Map(
    tcpSockets(read).filter(({ listens }) => listens)
      .map(({ inode, port }) => [inode, port]),
  );
}

/** How many listening sockets of a port the event loops of a process watch. */
export function watchedOf(pid: number, port: number): number {
  const ports = listeningPorts();
  const watched = new Set<number>();
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    // One that was closed in the meantime is of no port.
    const info = readProc(`/proc/${pid}/fdinfo/${fd}`) ?? "";
    for (const [, hex = ""] of info.matchAll(/^tfd:.* ino:([0-9a-f]+)/gm)) {
      const inode = parseInt(hex, 16);
      if (ports.get(inode) === port) watched.add(inode);
    }
  }
  return watched.size;
}

/** The ports that a process listens on, each as often as it has a socket. */
export function portsOf(pid: number): number[] {
  const ports = listeningPorts();
  const found = new Map<number, number>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const inode = inodeIn(linkProc(`/proc/${pid}/fd/${fd}`));
    const port = inode === undefined ? undefined : ports.get(inode);
    if (port !== undefined) found.set(inode!, port);
  }
  return [...found.values()].sort((a, b) => a - b);
}
