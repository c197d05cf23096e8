// The program whose start is measured: unmodified, and what somebody would
// write. Each process that listens says so in BENCH_LOG.

import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import process from "node:process";

createServer((_request, response) => response.end("hello\n")).listen(
  { host: "127.0.0.1", port: Number(process.env.BENCH_PORT) },
  () => appendFileSync(process.env.BENCH_LOG, `ready ${process.pid}\n`),
);
