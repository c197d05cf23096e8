/**
 * The option `restarts`: how many workers that end early a pool bears.
 *
 * @module
 */

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
export const USUAL_PERIOD = 60_000;
