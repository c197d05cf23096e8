/**
 * Shows the process as a worker of `node:cluster`, so that a program which forks
 * one goes straight to what its workers do: the pool has forked already.
 *
 * @module
 */

import type { Cluster, Worker } from "node:cluster";
import { syncBuiltinESMExports } from "node:module";
import type { Server } from "node:net";
import process from "node:process";
import { refChannel } from "../process/channel.ts";
import { cannot } from "../process/errors.ts";
import type { Core } from "../process/worker_core.ts";
import { ask } from "./exit.ts";

/** How a worker of a cluster asks its primary for a socket: what is used of it. */
interface SocketQuery {
  readonly address: unknown;
  readonly port: unknown;
  readonly addressType: unknown;
  readonly backlog: unknown;
  readonly fd: unknown;
  readonly flags: unknown;
}

/** What `node:net` calls of its own servers. */
interface ListeningServer extends Server {
  _listen2(...args: unknown[]): void;
}

/**
 * Changes the module itself, as every copy and every import of it shows: its
 * names, too, as long as nobody has imported them.
 */
export function showCluster(core: Core): void {
  const cluster = process.getBuiltinModule("node:cluster");
  const own = {
    isPrimary: false,
    isMaster: false,
    isWorker: true,
    worker: workerOf(core, cluster),
    fork: refuseFork,
    setupPrimary: () => {},
    setupMaster: () => {},
    _getServer: listenHere,
  };
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(cluster, name, {
      value,
      writable: true,
      configurable: true,
      enumerable: !name.startsWith("_"),
    });
  }
  syncBuiltinESMExports();
}

/**
 * Where `node:net` sends a server of a worker that is not exclusive. Here it does
 * with its arguments what it does in a primary: ours have come by their socket,
 * the others are the program's own. Undocumented; Node 22.12 and 26.10, Deno
 * 2.9.5. Bun 1.4.4 does not look at the module.
 */
function listenHere(server: ListeningServer, query: SocketQuery): void {
  const { address, port, addressType, backlog, fd, flags } = query;
  server._listen2(address, port, addressType, backlog, fd, flags);
}

function refuseFork(): never {
  throw cannot(
    "fork a worker of the program's own cluster",
    "this process is a worker of the pool (cluster.isWorker is true)",
    'say "prefork -w N" how many there are, and start the file that they run',
  );
}

/** The worker as `cluster.worker`: its methods mean the pool. */
function workerOf(core: Core, cluster: Cluster): Worker {
  const { draining } = core.worker;
  // Without the process, whose messages it would take for its own.
  const { Worker: Made } = cluster as unknown as {
    readonly Worker: new (options: object) => Worker;
  };
  const worker = new Made({ id: core.worker.slot + 1, state: "online" });
  // That of a standby is known when it takes over.
  Object.defineProperty(worker, "id", {
    get: () => core.worker.slot + 1,
    configurable: true,
    enumerable: true,
  });
  worker.process = process as unknown as Worker["process"];
  const leave = (): Worker => {
    worker.exitedAfterDisconnect = true;
    // In a drain it is how a handler says that it is done.
    if (draining.aborted) ask();
    else core.leave();
    return worker;
  };
  // In Node's own words a process without an exit code yet is dead.
  worker.isDead = () => false;
  worker.disconnect = leave;
  worker.kill = leave;
  worker.destroy = leave;
  worker.on("newListener", (event: string) => {
    if (event === "message") refChannel();
  });
  core.worker.onMessage((message) => worker.emit("message", message));
  draining.addEventListener("abort", () => {
    worker.exitedAfterDisconnect = true;
    process.once("exit", () => worker.emit("disconnect"));
  }, { once: true });
  return worker;
}
