/**
 * Workers of a supervisor on Deno that calls no libc.
 *
 * @module
 */

import process from "node:process";
import type { SpawnPlan, WorkerProcess } from "../../core/adapter.ts";
import { readMessages } from "../node/channel.ts";
import { spawnChild } from "../node/child_process.ts";

/**
 * Without libc nothing can be inherited beside the channel. In `reuseport`
 * nothing has to be, and node:child_process brings the channel.
 */
export function spawn(plan: SpawnPlan): WorkerProcess {
  return spawnChild(plan, {
    readChannel: readMessages,
    confirm: () => undefined,
    // After child.kill() of Deno 2.9 the exit event tells the signal that was
    // sent and not how the process ended.
    kill: (child, signal) => process.kill(child.pid!, signal),
  });
}
