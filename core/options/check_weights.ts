/**
 * Checks the weights of slots.
 *
 * @module
 */

import type { PoolConfig } from "./options.ts";

/** The least and the most that a slot can weigh; the usual weight is 1. */
const MIN_WEIGHT = 0.001;
const MAX_WEIGHT = 1000;

/**
 * Checks the weights themselves.
 *
 * @throws {TypeError} when they are no array
 * @throws {RangeError} when one of them is no number from 0.001 to 1000
 */
export function parseWeights(value: unknown): readonly number[] {
  if (!Array.isArray(value)) {
    throw new TypeError(
      `Cannot use ${show(value)} for "weights": it must be an array of numbers`,
    );
  }
  // Not by map(), which leaves holes out.
  return Array.from(value, (weight: unknown, slot) => {
    const fits = typeof weight === "number" && weight >= MIN_WEIGHT &&
      weight <= MAX_WEIGHT;
    if (fits) return weight;
    throw new RangeError(
      `Cannot use ${
        show(weight)
      } as the weight of slot ${slot}: it must be a number from ${MIN_WEIGHT} to ${MAX_WEIGHT}`,
    );
  });
}

/**
 * Checks whether weights can count at all.
 *
 * @throws {TypeError} when every listener is asked to be shared in a mode in
 * which the kernel or the order decides
 */
export function checkWeights(
  { weights, share, listeners }: Pick<
    PoolConfig,
    "weights" | "share" | "listeners"
  >,
): void {
  if (weights.length === 0) return;
  for (const { share: own = share } of listeners) {
    if (own === "auto" || own === "balanced") return;
  }
  throw new TypeError(
    `Cannot create a pool: "weights" count in "balanced" only, and no listener is shared so, leave "share" or "weights" out`,
  );
}

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}
