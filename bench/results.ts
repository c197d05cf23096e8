/**
 * What was measured, and what the table shows of it.
 *
 * @module
 */

import type { Runtime } from "../tests/runtimes.ts";
import type { Row } from "./rows.ts";
import { median } from "./stats.ts";
import type { LoadResult, LoadSample } from "./workloads/load.ts";
import type { PlacementResult } from "./workloads/placement.ts";
import type { Sample } from "./workloads/replacements.ts";
import type { TailResult } from "./workloads/tail.ts";

/** Every sample of one row. */
export interface RowResult {
  /** The row. */
  readonly row: Row;
  /** One per round that worked, by the number of the round. */
  readonly load: Map<number, LoadResult>;
  /** The placement. */
  placement?: PlacementResult;
  /** The tail. */
  tail?: TailResult;
  /** What did not work, once per reason. */
  readonly failures: Set<string>;
}

/** Every sample of one run. */
export interface Results {
  /** The rows by id, in order. */
  readonly rows: Map<string, RowResult>;
  /** The supervisors whose workers were replaced. */
  readonly replacements: Map<Runtime, readonly Sample[] | string>;
}

/** The two kinds of load. */
export type LoadKind = "fresh" | "keepAlive";

/** The median of one number of all rounds; NaN when none worked. */
export function over(
  result: RowResult,
  kind: LoadKind,
  of: (sample: LoadSample) => number,
): number {
  return median([...result.load.values()].map((each) => of(each[kind])));
}

/**
 * The median of the ratios of one number of two rows, each taken within one
 * round, where both ran seconds apart; undefined without such a round.
 */
export function ratio(
  results: Results,
  kind: LoadKind,
  id: string,
  baseId: string,
  of: (sample: LoadSample) => number = ({ rate }) => rate,
): number | undefined {
  const row = results.rows.get(id);
  const base = results.rows.get(baseId);
  const ratios = [...row?.load ?? []].flatMap(([round, mine]) => {
    const other = base?.load.get(round);
    return other === undefined ? [] : [of(mine[kind]) / of(other[kind])];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** Most requests of a worker to fewest. */
export function spread({ perWorker }: LoadSample): number {
  return perWorker[0]! / perWorker.at(-1)!;
}
