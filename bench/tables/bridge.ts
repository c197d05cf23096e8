/**
 * The table of the bridges, with the aims beside the numbers.
 *
 * @module
 */

import { median } from "../stats.ts";
import { count, decimal, table } from "../table.ts";
import type { BridgeRow, BridgeSample } from "../workloads/bridge.ts";

/** The rows that the aims are about. */
const OURS: ReadonlySet<string> = new Set(["serve()", "export default"]);

/** The most CPU in relation to another row, of any workload or of one. */
const AIMS: readonly {
  readonly than: string;
  readonly most: number;
  readonly workload?: string;
}[] = [
  { than: "@hono/node-server", most: 0.95 },
  { than: "node:http", most: 1.1, workload: "text" },
];

/** Samples by row, in turns. */
export type BridgeSamples = ReadonlyMap<string, readonly BridgeSample[]>;

/** The table of one workload. */
export function bridgeTable(
  workload: string,
  rows: readonly BridgeRow[],
  samples: BridgeSamples,
): string {
  /** The median of the ratios within a turn. */
  const ratio = (
    id: string,
    than: string,
    of: keyof BridgeSample,
  ): number =>
    median(
      samples.get(id)!.flatMap((each, turn) => {
        const other = samples.get(than)?.[turn];
        return other === undefined ? [] : [each[of] / other[of]];
      }),
    );
  return table(
    [
      workload,
      "CPU us",
      ...AIMS.map(({ than }) => `of ${than}`),
      "aims",
      "requests/s",
      ...AIMS.map(({ than }) => `of ${than}`),
    ],
    rows.map(({ id }) => {
      const of = (what: keyof BridgeSample): number =>
        median(samples.get(id)!.map((each) => each[what]));
      const aims = AIMS.filter((aim) =>
        OURS.has(id) && samples.has(aim.than) &&
        (aim.workload ?? workload) === workload
      ).map(({ than, most }) =>
        `<= ${most} x: ${ratio(id, than, "cpu") <= most ? "met" : "NOT MET"}`
      );
      return [
        id,
        decimal(of("cpu"), 1),
        ...AIMS.map(({ than }) => `${decimal(ratio(id, than, "cpu"), 2)} x`),
        aims.length === 0 ? "-" : aims.join(", "),
        count(of("rate")),
        ...AIMS.map(({ than }) => `${decimal(ratio(id, than, "rate"), 2)} x`),
      ];
    }),
  );
}
