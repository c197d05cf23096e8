/**
 * Logarithmic axes.
 *
 * @module
 */

/** An axis. */
export interface Scale {
  /** Where a value is; what is beyond an end is at that end. */
  at(value: number): number;
  /** The values that are written at the axis. */
  readonly ticks: readonly number[];
}

/**
 * An axis for these values, from one tick to another.
 *
 * @param ticks values that can stand at the axis, ascending
 * @param from where the lowest is
 * @param to where the highest is
 */
export function logScale(
  values: readonly number[],
  ticks: readonly number[],
  from: number,
  to: number,
): Scale {
  const low = ticks.findLastIndex((tick) => values.every((v) => v >= tick));
  const high = ticks.findIndex((tick) => values.every((v) => v <= tick));
  const shown = ticks.slice(
    Math.max(0, low),
    high < 0 ? ticks.length : Math.max(high, low + 1) + 1,
  );
  const first = Math.log(shown[0]!);
  const span = Math.log(shown.at(-1)!) - first;
  return {
    ticks: shown,
    at(value) {
      const part = (Math.log(value) - first) / span;
      return from + (to - from) * Math.min(1, Math.max(0, part));
    },
  };
}
