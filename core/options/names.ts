/**
 * Which name was meant by one that does not exist.
 *
 * @module
 */

/**
 * The valid name that is closest to what was written, where one is close: in
 * any spelling (`maxRequests`, `max-requests`, `MAX_REQUESTS`), and with a slip
 * in every third letter at most.
 */
export function nearest(
  written: string,
  valid: readonly string[],
): string | undefined {
  const letters = lettersOf(written);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(letters.length / 3)) + 1;
  for (const name of valid) {
    const slips = distance(letters, lettersOf(name));
    if (slips >= least) continue;
    [best, least] = [name, slips];
  }
  return best;
}

/** The end of a sentence about a name that does not exist. */
export function insteadOf(written: string, valid: readonly string[]): string {
  const meant = nearest(written, valid);
  return meant === undefined
    ? `valid are ${valid.join(", ")}`
    : `did you mean "${meant}"?`;
}

/**
 * Refuses a member of an option that is an object, where it has none of the name.
 *
 * @throws {TypeError} with what it has
 */
export function refuseUnknown(
  option: string,
  given: object,
  valid: readonly string[],
): void {
  const name = Object.keys(given).find((each) => !valid.includes(each));
  if (name === undefined) return;
  throw new TypeError(
    `Cannot create a pool: there is no "${name}" in "${option}", ${
      insteadOf(name, valid)
    }`,
  );
}

function lettersOf(name: string): string {
  return name.toLowerCase().replaceAll(/[-_\s]/g, "");
}

/**
 * How many letters are wrong, missing, too many, or in the place of their
 * neighbour (optimal string alignment distance).
 */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(
        above[j]! + 1,
        row[j - 1]! + 1,
        above[j - 1]! + change,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
      }
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
