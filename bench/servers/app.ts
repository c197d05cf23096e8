/**
 * What every server of the bench does with a request, and how a worker tells
 * the bench about itself: lines in the file that BENCH_LOG names.
 *
 * @module
 */

import { appendFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import net from "node:net";
import process from "node:process";

/** How long a request for `/slow` burns CPU, in ms. */
const BURN_MS = 60;

const BODY = `${process.pid}\n`;
let served = 0;

/** Answers with the id of the worker, after a burn for `/slow`. */
export function answer(path: string): string {
  served++;
  if (path === "/slow") {
    const end = performance.now() + BURN_MS;
    while (performance.now() < end);
  }
  return BODY;
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
  const path = request.url.endsWith("/slow") ? "/slow" : "/";
  return new Response(answer(path));
}

/** Says that this worker accepts; from now on SIGUSR2 has it tell its count. */
export function announce(): void {
  process.on("SIGUSR2", () => tell(`served ${process.pid} ${served}`));
  tell(`ready ${process.pid}`);
}

function tell(line: string): void {
  // One write(2) with O_APPEND per line, so that workers do not mix theirs.
  appendFileSync(process.env["BENCH_LOG"] ?? "/dev/null", `${line}\n`);
}
