/**
 * What every server of the bench does with a request, and how a worker tells
 * the bench about itself: lines in the file that BENCH_LOG names.
 *
 * @module
 */

import { appendFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import net from "node:net";
import process from "node:process";
import { setInterval } from "node:timers";

/** How often a thread looks whether its count is asked for, in ms. */
const LOOK_MS = 50;

/** How long a request for `/slow` burns CPU, in ms. */
const BURN_MS = 60;

/** What burns CPU; the number of microseconds follows. */
const BURN = "/burn?us=";

const { BENCH_LOG = "/dev/null", BENCH_THREADS } = process.env;

/** Who this worker is: threads of one process have one process id. */
const ID = BENCH_THREADS === undefined
  ? process.pid
  : process.pid * 2 ** 20 + Math.floor(Math.random() * 2 ** 20);

const BODY = `${ID}\n`;
let served = 0;

/**
 * Answers with the id of the worker: for `/slow` after a while that passes
 * whether this process runs or not, for `/burn?us=N` after so many microseconds
 * of CPU of its own, so that the work is the same however busy the machine is.
 */
function answer(path: string): string {
  served++;
  if (path === "/slow") {
    const end = performance.now() + BURN_MS;
    while (performance.now() < end);
  } else if (path.startsWith(BURN)) {
    const end = spent() + Number(path.slice(BURN.length));
    while (spent() < end);
  }
  return BODY;
}

/** The CPU time of this process, in microseconds. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The server of `node:http` that all rows share. */
export function createHello(): Server {
  return createServer((request, response) => {
    response.end(answer(request.url ?? "/"));
  });
}

/** A server of `node:net` that feeds one of `node:http`, as prefork does on Bun. */
export function createFront(http: Server): net.Server {
  return net.createServer(
    { noDelay: true, allowHalfOpen: true },
    (socket) => void http.emit("connection", socket),
  );
}

/** The fetch handler that all native rows share. */
export function respond(request: Request): Response {
  const { url } = request;
  const path = url.endsWith("/") ? "/" : url.slice(url.indexOf("/", 8));
  return new Response(answer(path));
}

/**
 * Says that this worker accepts; from now on SIGUSR2 has it tell its count. A
 * thread has no signals on Node: it tells each time that a file has grown.
 */
export function announce(): void {
  const count = (): void => tell(`served ${ID} ${served}`);
  if (BENCH_THREADS === undefined) process.on("SIGUSR2", count);
  else whenAsked(count);
  tell(`ready ${ID}`);
}

function whenAsked(count: () => void): void {
  let answered = 0;
  setInterval(() => {
    const { size = 0 } =
      statSync(`${BENCH_LOG}.asked`, { throwIfNoEntry: false }) ?? {};
    for (; answered < size; answered++) count();
  }, LOOK_MS).unref();
}

function tell(line: string): void {
  // One write(2) with O_APPEND per line, so that workers do not mix theirs.
  appendFileSync(BENCH_LOG, `${line}\n`);
}
