/**
 * A pool whose workers are replaced REPLACEMENTS times, by reloads of four
 * slots each. Prints a line of JSON with the open files, the memory and the used
 * heap of this process, the supervisor, before the first and after every tenth
 * part. Needs --expose-gc where the garbage collector is V8's.
 */

import { readdirSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Pool } from "../../mod.ts";

const WORKERS = 4;
const total = Number(process.env["REPLACEMENTS"]);
const step = Math.max(1, Math.round(total / WORKERS / 10));

const pool = new Pool({
  program: fileURLToPath(new URL("./tiny.sh", import.meta.url)),
  runtime: "exec",
  listen: "127.0.0.1:0",
  share: process.env["REPLACEMENTS_SHARE"] === "sharded" ? "sharded" : "shared",
  workers: WORKERS,
  soak: 0,
  probation: 0,
});
let ready = -WORKERS;
void (async () => {
  for await (const event of pool.events()) {
    if (event.type === "worker-ready") ready++;
  }
})();
await pool.start();
sample();
for (let i = 1; i <= total / WORKERS; i++) {
  await pool.reload();
  if (i % step === 0) sample();
}
await pool.stop();
process.exit();

function sample(): void {
  // Memory that waits for a collection is no growth.
  collect();
  const fds = readdirSync("/proc/self/fd").length;
  const { rss, heapUsed: heap } = process.memoryUsage();
  process.stdout.write(
    `${JSON.stringify({ replaced: ready, fds, rss, heap })}\n`,
  );
}

function collect(): void {
  const { gc, Bun } = globalThis as {
    readonly gc?: () => void;
    readonly Bun?: { gc(synchronously: boolean): void };
  };
  if (Bun === undefined) gc?.();
  else Bun.gc(true);
}
