/**
 * The smallest supervisor there is, for the control rows: binds a socket, or
 * with BENCH_SHARDED=1 one per worker, starts BENCH_WORKERS times the command
 * of its arguments with it as fd 3, and only waits. It runs on Node in all rows
 * because it does nothing while the workers serve. With BENCH_REUSEPORT=1 it
 * binds nothing: the workers do.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { BoundSocket } from "node:net";
import process from "node:process";

const { BENCH_PORT, BENCH_WORKERS, BENCH_SHARDED, BENCH_REUSEPORT } =
  process.env;
const [file, ...args] = process.argv.slice(2);

const bind = (reusePort: boolean): BoundSocket =>
  new BoundSocket({ host: "127.0.0.1", port: Number(BENCH_PORT), reusePort });

const sharded = BENCH_SHARDED !== undefined;
const one = sharded || BENCH_REUSEPORT !== undefined ? undefined : bind(false);
const kept: BoundSocket[] = [];
const workers: ChildProcess[] = [];

for (let i = 0; i < Number(BENCH_WORKERS); i++) {
  const socket = sharded ? bind(true) : one;
  if (socket !== undefined) kept.push(socket);
  workers.push(spawn(file!, args, {
    stdio: ["ignore", "inherit", "inherit", socket?.fd() ?? "ignore"],
    env: {
      ...process.env,
      ...(socket !== undefined && { BENCH_FD: "3" }),
    },
  }));
}

process.on("SIGTERM", () => {
  for (const worker of workers) worker.kill("SIGKILL");
  process.exit();
});
