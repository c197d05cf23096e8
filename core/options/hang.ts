/**
 * What is done about workers that hang, as it can be asked for.
 *
 * @module
 */

import { duration } from "./values.ts";

/** What a hung worker is sent before SIGKILL. */
export type HangSignal = "SIGABRT" | "none";

/** All of them. */
export const HANG_SIGNALS: readonly HangSignal[] = ["SIGABRT", "none"];

/** Less is no hang, in milliseconds: a collection of garbage takes as long. */
const MIN_HANG = 100;

/**
 * Checks the hang timeout.
 *
 * @throws {RangeError} naming the value and the range
 */
export function checkHangTimeout(value: unknown): number {
  const ms = duration("hangTimeout", value);
  if (ms === 0 || ms >= MIN_HANG) return ms;
  throw new RangeError(
    `Cannot use ${ms} for "hangTimeout": it must be at least ${MIN_HANG} milliseconds, or 0 to look for no hang`,
  );
}
