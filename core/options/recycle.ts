/**
 * When a worker has served enough: the limits that a user gives, and those that
 * one worker draws of them.
 *
 * @module
 */

import { MAX_TIME, show } from "./values.ts";

/** What a worker may come to, as the user said it; undefined is no limit. */
export interface RecycleLimits {
  /** How many requests it may begin. */
  readonly maxRequests?: number | undefined;
  /** How long it may be ready, in ms. */
  readonly maxAge?: number | undefined;
  /** How much memory it may hold, in bytes. */
  readonly maxRss?: number | undefined;
  /** By how much that may grow since it was warm, in bytes. */
  readonly maxRssGrowth?: number | undefined;
}

/** Limits, and how much of them chance may take away. */
export interface RecycleConfig extends RecycleLimits {
  /** The part of a limit that may be taken away, from 0 to 1. */
  readonly recycleJitter: number;
}

/** How much of a limit chance takes away unless told otherwise. */
const DEFAULT_JITTER = 0.1;

const NAMES = ["maxRequests", "maxAge", "maxRss", "maxRssGrowth"] as const;

/** True when there is any limit. */
export function hasLimits(limits: RecycleLimits): boolean {
  return NAMES.some((name) => limits[name] !== undefined);
}

/**
 * Draws the limits of one worker: up to a part of each is taken away, so that
 * workers which started together do not leave together, and none goes beyond
 * what was given.
 *
 * @param random gives a number in [0, 1)
 */
export function drawLimits(
  config: RecycleConfig,
  random: () => number,
): RecycleLimits {
  const drawn: { -readonly [K in keyof RecycleLimits]: RecycleLimits[K] } = {};
  for (const name of NAMES) {
    const limit = config[name];
    if (limit === undefined) continue;
    const part = 1 - config.recycleJitter * random();
    drawn[name] = Math.max(1, Math.round(limit * part));
  }
  return drawn;
}

/**
 * Checks what a user gave.
 *
 * @throws {RangeError} when a limit is no number from 1 on, or the jitter none
 * from 0 to 1
 */
export function checkRecycle(
  given: { readonly [K in keyof RecycleConfig]?: unknown },
): RecycleConfig {
  const { recycleJitter = DEFAULT_JITTER } = given;
  const isPart = typeof recycleJitter === "number" && recycleJitter >= 0 &&
    recycleJitter <= 1;
  if (!isPart) throw refusal("recycleJitter", recycleJitter, "from 0 to 1");
  return {
    maxRequests: limit("maxRequests", given.maxRequests, "of requests"),
    maxAge: limit("maxAge", given.maxAge, `of milliseconds`, MAX_TIME),
    maxRss: limit("maxRss", given.maxRss, "of bytes"),
    maxRssGrowth: limit("maxRssGrowth", given.maxRssGrowth, "of bytes"),
    recycleJitter,
  };
}

function limit(
  name: string,
  value: unknown,
  what: string,
  most: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= 1 && value <= most) {
    return Math.round(value);
  }
  throw refusal(name, value, `${what} from 1 to ${most}, or left out`);
}

function refusal(name: string, value: unknown, valid: string): RangeError {
  return new RangeError(
    `Cannot use ${show(value)} for "${name}": it must be a number ${valid}`,
  );
}
