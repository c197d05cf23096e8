/**
 * A program that listens past the pool: by a server that was made before our
 * part was loaded, or by a way of listening that it does not know.
 *
 * @module
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { failed } from "../../core/protocol.ts";
import type { Core } from "../process/worker_core.ts";
import { isServed } from "../listening/reservation.ts";
import type { Settings } from "../match/settings.ts";

/** When to look, as a part of the time that a worker has to become ready. */
const LATE = 0.8;

/** Tells the supervisor of such a socket shortly before it gives up. */
export function watchOwnSockets(core: Core, { startTimeout }: Settings): void {
  if (process.platform !== "linux" || startTimeout === 0) return;
  setTimeout(() => {
    if (isServed(core)) return;
    const [address] = ownListeners(core);
    if (address === undefined) return;
    core.tell(
      failed(
        `the program listens on ${address} past the pool and has not called listen() in ${
          startTimeout / 1000
        } s; start its server by listen(), Bun.serve() or Deno.serve(), and after prefork's part is loaded`,
      ),
    );
    // Its clock begins with the process.
  }, Math.max(0, startTimeout * LATE - performance.now())).unref();
}

/** The TCP addresses that this process listens on and the pool does not. */
function ownListeners(core: Core): string[] {
  try {
    const inherited = [...core.worker.listeners.values()]
      .flatMap(({ fds }) => fds.map((fd) => inodeOf(`/proc/self/fd/${fd}`)));
    const listening = readTable("tcp").concat(readTable("tcp6"));
    const held = new Set(
      readdirSync("/proc/self/fd").map((fd) => inodeOf(`/proc/self/fd/${fd}`)),
    );
    return listening
      .filter(({ inode }) => held.has(inode) && !inherited.includes(inode))
      .map(({ address }) => address);
  } catch {
    // On Deno the user may not have allowed it; without it nothing breaks.
    return [];
  }
}

function inodeOf(path: string): number | undefined {
  try {
    const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(path));
    return match === null ? undefined : Number(match[1]);
  } catch {
    // The one that the directory was read by is closed again.
    return undefined;
  }
}

/** The state TCP_LISTEN in proc_pid_net(5) and include/net/tcp_states.h. */
const LISTENING = "0A";

/** The listening sockets of one of the tables in /proc/self/net (proc(5)). */
function readTable(name: string): { address: string; inode: number }[] {
  return readFileSync(`/proc/self/net/${name}`, "utf8").split("\n").slice(1)
    .flatMap((line) => {
      const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state !== LISTENING) return [];
      const port = parseInt(local.slice(local.indexOf(":") + 1), 16);
      return [{ address: `port ${port}`, inode: Number(inode) }];
    });
}
