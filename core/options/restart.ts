/**
 * The option `restarts`: how many workers that end early a pool bears.
 *
 * @module
 */

import { refuseUnknown } from "./names.ts";
import { MAX_TIME, record, whole } from "./values.ts";

/** Far beyond what a backoff lets happen. */
const MAX_RESTARTS = 1_000_000;

/** How many restarts are borne within which time. */
export interface Restarts {
  /** How many are borne; one more is too many. */
  readonly intensity: number;
  /** Within how many milliseconds. */
  readonly period: number;
}

/**
 * The intensity unless given: every slot may lose two workers, and a small pool
 * five in all.
 */
export function usualIntensity(workers: number): number {
  return Math.max(5, 2 * workers);
}

/** The period unless given, in milliseconds. */
const USUAL_PERIOD = 60_000;

/**
 * Checks the option and completes it.
 *
 * @throws {TypeError} when it is no object, or has a member of another name
 * @throws {RangeError} when a number is out of range
 */
export function checkRestarts(
  restarts: Partial<Restarts>,
): Pick<Restarts, "period"> & Partial<Restarts> {
  record(
    "restarts",
    restarts,
    "an object such as { intensity: 10, period: 60_000 }",
  );
  refuseUnknown("restarts", restarts, ["intensity", "period"]);
  const { intensity, period = USUAL_PERIOD } = restarts;
  return {
    period: whole("restarts.period", period, 1, MAX_TIME),
    ...(intensity !== undefined && {
      intensity: whole("restarts.intensity", intensity, 0, MAX_RESTARTS),
    }),
  };
}
