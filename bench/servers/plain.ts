/**
 * A server without prefork: on BENCH_PORT, on the same port as others
 * (BENCH_REUSEPORT=1), or on the inherited socket 3 (BENCH_FD=3). Bun's
 * `node:http` ignores an inherited socket and SO_REUSEPORT, so with BENCH_FED=1
 * a `node:net` server accepts and feeds it, as prefork does.
 */

import process from "node:process";
import { announce, createFront, createHello } from "./app.ts";

const { BENCH_PORT, BENCH_FD, BENCH_REUSEPORT, BENCH_FED } = process.env;

const http = createHello();
const front = BENCH_FED === undefined ? http : createFront(http);
const place = BENCH_FD === undefined
  ? {
    host: "127.0.0.1",
    port: Number(BENCH_PORT),
    reusePort: BENCH_REUSEPORT !== undefined,
  }
  : { fd: Number(BENCH_FD) };
const options: object = { ...place, backlog: 4096 };
front.listen(options, announce);
