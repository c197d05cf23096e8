/**
 * A program that listens past the pool: by a server that was made before our
 * part was loaded, or by a way of listening that it does not know.
 *
 * @module
 */

import process from "node:process";
import { failed } from "../../core/protocol.ts";
import { PROC_BY_FILES } from "../../libc/proc.ts";
import { inodeIn, tcpSockets } from "../../libc/proc_net.ts";
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
  const { list, link, read } = PROC_BY_FILES;
  const inodeOf = (fd: number | string): number | undefined =>
    inodeIn(link(`/proc/self/fd/${fd}`));
  try {
    const inherited = new Set(
      [...core.worker.listeners.values()]
        .flatMap(({ fds }) => fds.map(inodeOf)),
    );
    const held = new Set(list("/proc/self/fd").map(inodeOf));
    return tcpSockets(read)
      .filter(({ inode, listens }) =>
        listens && held.has(inode) && !inherited.has(inode)
      )
      .map(({ port }) => `port ${port}`);
  } catch {
    // On Deno the user may not have allowed it; without it nothing breaks.
    return [];
  }
}
