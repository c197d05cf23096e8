/**
 * What the kernel says of a process' sockets (Linux, proc(5)).
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { inodeIn, tcpSockets } from "../../libc/proc_net.ts";

/** The ports that a process listens on, each as often as it has a socket. */
export function portsOf(pid: number): number[] {
  const read = (path: string): string => readFileSync(path, "utf8");
  const ports = new Map(
    tcpSockets(read).filter(({ listens }) => listens)
      .map(({ inode, port }) => [inode, port]),
  );
  const found = new Map<number, number>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = inodeIn(readlinkSync(`/proc/${pid}/fd/${fd}`));
      const port = inode === undefined ? undefined : ports.get(inode);
      if (port !== undefined) found.set(inode!, port);
    } catch {
      // It was closed in the meantime.
    }
  }
  return [...found.values()].sort((a, b) => a - b);
}
