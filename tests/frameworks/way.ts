/** How a worker has come to the pool's socket, as the kernel sees it. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

/**
 * The server accepts on the inherited descriptor itself, or the socket was put
 * under a native server that takes none.
 */
export type Way = "inherited" | "grafted";

/** The state of a listening socket (net/tcp_states.h: TCP_LISTEN). */
const LISTENS = "0A";

/**
 * Looks at the descriptors of a worker that accepts at an address: a graft
 * leaves the pool's socket there twice, as inherited and as the native server
 * has it. Undefined where /proc does not tell (proc(5)).
 */
export function wayOf(pid: number, address: string): Way | undefined {
  if (process.platform !== "linux") return undefined;
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  const inode = listening(pid, port);
  const places = readdirSync(`/proc/${pid}/fd`).filter((fd) =>
    link(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`
  );
  if (places.length === 0) {
    throw new Error(`Process ${pid} does not have the socket of ${address}`);
  }
  return places.length > 1 ? "grafted" : "inherited";
}

/** The inode of the socket that listens on a port, as proc_pid_net(5) has it. */
function listening(pid: number, port: number): string | undefined {
  const rows = readFileSync(`/proc/${pid}/net/tcp`, "utf8").split("\n");
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return rows.map((row) => row.trim().split(/\s+/)).find(([, local, , state]) =>
    local?.endsWith(end) && state === LISTENS
  )?.[9];
}

/** Where a descriptor leads; empty when it has been closed meanwhile. */
function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
