/**
 * What the command has a runtime load before the program of a worker, so that
 * a program which knows nothing of prefork is a worker too. In any other
 * process - one that the program starts, one of its threads - it does nothing.
 *
 * @module
 */

import process from "node:process";
import { keepCompiled } from "./patch/compile_cache.ts";

// A thread gets a copy of the environment and of the runtime's arguments, and
// must not attach a second time. What is not needed is not loaded.
if (isWorker() !== false && await isMainThread()) {
  keepCompiled();
  const { explained } = await import("./process/permission.ts");
  await explained(async () => {
    if (process.env["PREFORK_PROTOCOL"] === undefined) return;
    // Before anything imports `node:fs`: Deno 2.9.5 and Bun 1.4.4 have a module
    // keep the functions that it had by then.
    (await import("./patch/path.ts")).patchPaths();
    const { start } = await import("./patch/start.ts");
    await start();
  });
}

/** Undefined when Deno forbids to know. */
function isWorker(): boolean | undefined {
  try {
    return process.env["PREFORK_PROTOCOL"] !== undefined;
  } catch {
    return undefined;
  }
}

/**
 * Bun says so itself; its `node:worker_threads` takes 5 ms to load (1.4.4). And
 * no thread of Node has the channel of its process (`process.send`).
 */
async function isMainThread(): Promise<boolean> {
  const { Bun, Deno } = globalThis as {
    readonly Bun?: { readonly isMainThread: boolean };
    readonly Deno?: unknown;
  };
  if (Bun !== undefined) return Bun.isMainThread;
  return Deno === undefined && process.send !== undefined ||
    (await import("node:worker_threads")).isMainThread;
}
