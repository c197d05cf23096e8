/**
 * BENCH_WORKERS workers by `node:cluster`; BENCH_POLICY is `rr` or `none`. In
 * Bun 1.4.4 each worker's `node:http` binds a SO_REUSEPORT socket of its own and
 * nothing is dealt, so with BENCH_FED=1 `node:net` listens and feeds it: that
 * server is dealt connections.
 */

import cluster from "node:cluster";
import process from "node:process";
import { announce, createFront, createHello } from "./app.ts";

const { BENCH_PORT, BENCH_WORKERS, BENCH_POLICY, BENCH_FED } = process.env;

if (cluster.isPrimary) {
  cluster.schedulingPolicy = BENCH_POLICY === "none"
    ? cluster.SCHED_NONE
    : cluster.SCHED_RR;
  for (let i = 0; i < Number(BENCH_WORKERS); i++) cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers ?? {})) {
      worker?.process.kill("SIGKILL");
    }
    process.exit();
  });
} else {
  const http = createHello();
  const front = BENCH_FED === undefined ? http : createFront(http);
  front.listen(
    { host: "127.0.0.1", port: Number(BENCH_PORT), backlog: 4096 },
    announce,
  );
}
