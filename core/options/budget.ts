/**
 * How much of a pool may be missing or there twice while its workers are
 * replaced by its own will: by a reload, by recycling, by a scale.
 *
 * @module
 */

import { MAX_WORKERS, show } from "./values.ts";

/** A number of workers, or a part of those that are wanted, as in `"25%"`. */
export type Portion = number | `${number}%`;

/** Both sides of the budget as they were given. */
export interface Budget {
  /** How many workers may be alive beyond those wanted. */
  readonly maxSurge: Portion;
  /** How many of those wanted may be missing. */
  readonly maxUnavailable: Portion;
}

/** Both sides of the budget for a number of wanted workers. */
export interface Margins {
  /** How many workers may be alive beyond those wanted. */
  readonly maxSurge: number;
  /** How many of those wanted may be missing. */
  readonly maxUnavailable: number;
}

/**
 * Resolves a budget as Kubernetes does it for a Deployment: a percentage of the
 * surge is rounded up, one of the unavailable is rounded down, and where both
 * come to nothing by rounding, one worker may be missing
 * (`ResolveFenceposts` in pkg/controller/deployment/util).
 */
export function marginsOf(
  { maxSurge, maxUnavailable }: Budget,
  wanted: number,
): Margins {
  const surge = portionOf(maxSurge, wanted, Math.ceil);
  const missing = portionOf(maxUnavailable, wanted, Math.floor);
  const none = surge === 0 && missing === 0;
  return { maxSurge: surge, maxUnavailable: none ? 1 : missing };
}

/**
 * Checks a budget.
 *
 * @throws {RangeError} when a side is neither a whole number nor a percentage,
 * or both are 0
 */
export function checkBudget(
  maxSurge: unknown,
  maxUnavailable: unknown,
): Budget {
  const budget = {
    maxSurge: portion("maxSurge", maxSurge),
    maxUnavailable: portion("maxUnavailable", maxUnavailable),
  };
  if (isZero(budget.maxSurge) && isZero(budget.maxUnavailable)) {
    throw new RangeError(
      `Cannot create a pool: "maxSurge" and "maxUnavailable" are both 0, so that no worker could ever be replaced, give one of them 1 or more`,
    );
  }
  return budget;
}

function portion(name: string, value: unknown): Portion {
  const isNumber = typeof value === "number" && Number.isInteger(value) &&
    value >= 0 && value <= MAX_WORKERS;
  if (isNumber) return value as number;
  const isPercent = typeof value === "string" && /^\d{1,3}%$/.test(value) &&
    Number.parseInt(value) <= 100;
  if (isPercent) return value as Portion;
  throw new RangeError(
    `Cannot use ${
      show(value)
    } for "${name}": it must be a whole number from 0 to ${MAX_WORKERS}, or a percentage from "0%" to "100%"`,
  );
}

function isZero(value: Portion): boolean {
  return value === 0 || (typeof value === "string" && /^0+%$/.test(value));
}

function portionOf(
  value: Portion,
  wanted: number,
  round: (value: number) => number,
): number {
  return typeof value === "number"
    ? value
    : round(wanted * Number.parseInt(value) / 100);
}
