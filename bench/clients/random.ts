/**
 * Random numbers of some distributions, and orders.
 *
 * @module
 */

import type { Random } from "../../tests/random.ts";

/** The time to the next event of a Poisson process, in units of its mean. */
export function exponential(random: Random): number {
  return -Math.log(1 - random.next());
}

/** A number of the standard normal distribution (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(2 * exponential(random)) *
    Math.cos(2 * Math.PI * random.next());
}

/** The values in another order (Fisher and Yates). */
export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.whole(0, i);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
