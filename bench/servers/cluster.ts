/** BENCH_WORKERS workers by `node:cluster`; BENCH_POLICY is `rr` or `none`. */

import cluster from "node:cluster";
import process from "node:process";
import { announce, createHello } from "./app.ts";

const { BENCH_PORT, BENCH_WORKERS, BENCH_POLICY } = process.env;

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
  createHello().listen(
    { host: "127.0.0.1", port: Number(BENCH_PORT), backlog: 4096 },
    announce,
  );
}
