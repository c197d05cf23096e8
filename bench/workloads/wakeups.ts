/**
 * How often workers are woken for a connection: each comes by itself, says
 * nothing and stays.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import net from "node:net";
import { BOTH_CPUS } from "../clients/taskset.ts";
import type { Row } from "../rows.ts";
import { sleep, withSession } from "../session.ts";

/** Connections, and the ms between two of them. */
const CONNECTIONS = 200;
const GAP_MS = 5;

/** How long new processes may settle, in ms. */
const SETTLE_MS = 500;

/** Measures a pool of so many workers: wake-ups for each connection. */
export function measureWakeUps(row: Row, workers: number): Promise<number> {
  return withSession(
    row,
    { workers, cpus: BOTH_CPUS },
    async ({ port, workers: pids }) => {
      const wakeUps = (): number =>
        pids.reduce((sum, pid) => sum + sleepsOf(pid), 0);
      const open: net.Socket[] = [];
      const connect = (): Promise<void> =>
        new Promise((resolve, reject) => {
          const socket = net.connect(port, "127.0.0.1", resolve);
          socket.once("error", reject);
          open.push(socket);
        });
      // The first ones load what is loaded then.
      for (let i = 0; i < CONNECTIONS; i++) await connect();
      await sleep(SETTLE_MS);
      // What timers wake them for is not for a connection.
      const idle = wakeUps();
      await sleep(CONNECTIONS * GAP_MS);
      const before = wakeUps();
      const began = performance.now();
      for (let i = 0; i < CONNECTIONS; i++) {
        await connect();
        await sleep(GAP_MS);
      }
      const took = performance.now() - began;
      const timers = (before - idle) / (CONNECTIONS * GAP_MS) * took;
      const woken = wakeUps() - before;
      for (const socket of open) socket.destroy();
      return (woken - timers) / CONNECTIONS;
    },
  );
}

/** How often the main thread of a process has waited for something. */
function sleepsOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, "utf8");
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)![1]);
}
