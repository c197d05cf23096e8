/**
 * How a process has ended.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";
import type { StopSignal } from "../options/program.ts";
import type { PoolWorker } from "../worker.ts";
import { type ExitReason, exitReason } from "./state.ts";

/**
 * Whoever does not trap the signal that asks it to leave ends by it, as asked.
 * Handlers of SIGTERM may exit with the code that sh(1) gives to such an end.
 */
function isClean(
  { code, signal }: ExitStatus,
  asked: StopSignal = "SIGTERM",
): boolean {
  return code === 0 || code === EXIT_SIGTERM || signal === "SIGTERM" ||
    signal === asked;
}

/** 128 and the number of SIGTERM. */
const EXIT_SIGTERM = 143;

/** Their numbers, as sh(1) adds them to 128: the code of a wrapper. */
const NUMBERS = { SIGTRAP: 5, SIGABRT: 6, SIGKILL: 9 } as const;

/** True for a process that a signal has ended, or the one that it has run. */
export function isEndedBy(
  name: keyof typeof NUMBERS,
  { code, signal }: ExitStatus,
): boolean {
  return signal === name || code === 128 + NUMBERS[name];
}

/** Why a worker is no more, by all that is known of it. */
export function exitReasonOf(
  { state, left, hung, deaf, oom, failure, readyAt, recycled }:
    & Pick<PoolWorker, "state" | "hung" | "deaf" | "oom" | "failure">
    & Pick<PoolWorker, "readyAt" | "recycled">
    & { readonly left?: boolean },
  status: ExitStatus,
  asked?: StopSignal,
): ExitReason {
  // What one has left behind was killed, whatever its own status.
  const clean = isClean(status, state === "draining" ? asked : undefined) &&
    !(left === true && state === "killed");
  const end = exitReason(state, clean);
  if (hung) return "hung";
  if (deaf) return "deaf";
  if (oom !== undefined) return "oom";
  if (failure !== undefined && readyAt === undefined) return "boot-failed";
  return end === "drained" && recycled ? "recycled" : end;
}
