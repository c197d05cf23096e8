/**
 * Says in words why a worker did not come up.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";
import type { PoolConfig } from "../options/options.ts";
import type { PoolWorker } from "../worker.ts";
import type { ExitReason } from "./state.ts";

/** What is known of a worker. */
export type Diagnosed = Pick<PoolWorker, "attached" | "runtime">;

/** What a worker has not done whose start timeout has passed. */
export function diagnoseSilence(
  { attached, runtime }: Diagnosed,
  { startTimeout, waitReady, listeners }: Pick<
    PoolConfig,
    "startTimeout" | "waitReady" | "listeners"
  >,
): string {
  const within = `in ${startTimeout / 1000} s`;
  if (waitReady) {
    return `the program has not said process.send("ready") ${within}`;
  }
  if (!attached && runtime === "exec") {
    return `the program has not loaded prefork's part ${within}: what starts it does not pass it on, start its file itself`;
  }
  if (!attached || listeners.length === 0) {
    return `the program was not ready ${within}`;
  }
  const where = listeners.length === 1
    ? ""
    : ` for each of the ${listeners.length} listeners`;
  return `the program has not called listen()${where} ${within}`;
}

/** Why a worker is gone that was not meant to go: what it said itself counts. */
export function diagnose(
  worker: Diagnosed & Pick<PoolWorker, "failure">,
  reason: ExitReason,
  status: ExitStatus,
): string {
  return worker.failure ?? diagnoseExit(status, reason, worker);
}

/** How a worker ended that was not meant to. */
export function diagnoseExit(
  { code, signal }: ExitStatus,
  reason: ExitReason,
  worker: Diagnosed,
): string {
  const when = reason === "boot-failed"
    ? "before it was ready"
    : "right after it was ready";
  if (signal !== null) return `it was ended by ${signal} ${when}`;
  const exited = `it exited with code ${code} ${when}`;
  // A runtime that does not know our flag says so in its own words.
  const flag = worker.attached || worker.runtime === "exec"
    ? undefined
    : FLAG[worker.runtime];
  return flag?.exit !== code
    ? exited
    : `${exited}; if ${worker.runtime} refuses "${
      flag!.name
    }" above, install a version that has it`;
}

/**
 * By which flag each runtime loads our part, and how it exits when it does not
 * know a flag (Node 26.10, Deno 2.9.5, Bun 1.4.4).
 */
const FLAG = {
  node: { name: "--import", exit: 9 },
  deno: { name: "--preload", exit: 1 },
  bun: { name: "--preload", exit: 1 },
} as const;
