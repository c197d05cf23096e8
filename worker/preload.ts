/**
 * What the command has a runtime load before the program of a worker, so that
 * a program which knows nothing of prefork is a worker too. In any other
 * process - one that the program starts, one of its threads - it does nothing.
 *
 * @module
 */

import process from "node:process";
import { isMainThread } from "node:worker_threads";

// A thread gets a copy of the environment and of the runtime's arguments, and
// must not attach a second time. What is not needed is not loaded.
if (isMainThread && isWorker() !== false) {
  const { explained } = await import("./patch/permission.ts");
  await explained(async () => {
    if (process.env["PREFORK_PROTOCOL"] === undefined) return;
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
