/**
 * What the kernel says of a process' sockets (Linux, proc(5)).
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The ports that a process listens on, each as often as it has a socket. */
export function portsOf(pid: number): number[] {
  const ports = new Map<string, number>();
  for (const table of ["tcp", "tcp6"]) {
    const rows = readFileSync(`/proc/net/${table}`, "utf8").split("\n");
    for (const row of rows.slice(1)) {
      const columns = row.trim().split(/\s+/);
      if (columns[3] !== "0A") continue;
      const port = columns[1]?.split(":")[1] ?? "";
      ports.set(`socket:[${columns[9]}]`, parseInt(port, 16));
    }
  }
  const found = new Map<string, number>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      const port = ports.get(target);
      if (port !== undefined) found.set(target, port);
    } catch {
      // It was closed in the meantime.
    }
  }
  return [...found.values()].sort((a, b) => a - b);
}
