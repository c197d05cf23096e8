/** Chance that can be repeated: the same seed gives the same numbers. */
export interface Random {
  /** What it was made from; belongs into the message of every assertion. */
  readonly seed: number;
  /** A number in [0, 1). */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of several values. */
  pick<T>(values: readonly T[]): T;
}

/** Makes a source of chance from a seed: a Weyl sequence, its bits mixed. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    // 2 ** 32 over the golden ratio: an odd step that visits every state.
    state = (state + 0x9e3779b9) >>> 0;
    let bits = state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
  const whole = (min: number, max: number): number =>
    min + Math.floor(next() * (max - min + 1));
  return {
    seed,
    next,
    whole,
    chance: (probability) => next() < probability,
    pick: (values) => values[whole(0, values.length - 1)]!,
  };
}

/** Runs something once for each of many seeds. */
export function forSeeds(count: number, run: (random: Random) => void): void {
  for (let seed = 1; seed <= count; seed++) run(createRandom(seed));
}
