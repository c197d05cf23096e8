/**
 * The table of the cost of an event, with the aim beside the numbers.
 *
 * @module
 */

import { median } from "../stats.ts";
import { count, decimal, table } from "../table.ts";

/** Costs of an event in microseconds, by the number of slots. */
export type Curve = ReadonlyMap<number, readonly number[]>;

/** A line for each number of slots; the cost may grow as the logarithm does. */
export function scaleTable(curves: ReadonlyMap<string, Curve>): string {
  const names = [...curves.keys()];
  const sizes = [...curves.values()][0]!;
  const [first = NaN] = sizes.keys();
  return table(
    ["slots", ...names, "most growth", "log n", "aim: no faster"],
    [...sizes.keys()].map((slots) => {
      const costs = names.map((name) =>
        median([...curves.get(name)!.get(slots)!])
      );
      const growth = names.map((name) => {
        const least = curves.get(name)!.get(first)!;
        return median(
          curves.get(name)!.get(slots)!.map((each, i) => each / least[i]!),
        );
      });
      const most = Math.max(...growth);
      const allowed = Math.log(slots) / Math.log(first);
      return [
        count(slots),
        ...costs.map((each) => decimal(each, 2)),
        `${decimal(most, 2)} x`,
        `${decimal(allowed, 2)} x`,
        most <= allowed ? "met" : "NOT MET",
      ];
    }),
  );
}
