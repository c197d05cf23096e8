/**
 * What was measured, and what the tables show of it.
 *
 * @module
 */

import type { Runtime } from "../tests/runtimes.ts";
import type { Row } from "./rows.ts";
import { median } from "./stats.ts";
import type { ChurnResult } from "./workloads/churn.ts";
import type { LoadResult, LoadSample } from "./workloads/load.ts";
import type { PlacementResult } from "./workloads/placement.ts";
import type { ReloadSample } from "./workloads/reload_under_load.ts";
import type { Sample } from "./workloads/replacements.ts";
import type { TailRate, TailResult } from "./workloads/tail.ts";
import type { UnequalResult } from "./workloads/unequal.ts";

/** What the rounds that worked have measured, by the number of the round. */
export type Rounds<T> = Map<number, T>;

/** Every sample of one row. */
export interface RowResult {
  /** The row. */
  readonly row: Row;
  /** The load. */
  readonly load: Rounds<LoadResult>;
  /** The placement. */
  placement?: PlacementResult;
  /** The tail. */
  readonly tail: Rounds<TailResult>;
  /** Connections that cost unequally. */
  readonly unequal: Rounds<UnequalResult>;
  /** Short connections at a fixed rate. */
  churn?: ChurnResult;
  /** Each way to replace the workers under load. */
  reloads?: readonly ReloadSample[];
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
export function over<T>(
  rounds: Rounds<T>,
  of: (sample: T) => number,
): number {
  return median([...rounds.values()].map(of));
}

/** The median of one number of a kind of load. */
export function overLoad(
  { load }: RowResult,
  kind: LoadKind,
  of: (sample: LoadSample) => number,
): number {
  return over(load, (result) => of(result[kind]));
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
  return ratioOf(
    results.rows.get(id)?.load,
    results.rows.get(baseId)?.load,
    (sample) => of(sample[kind]),
  );
}

/** The same of the p99 in the tail. */
export function tailRatio(
  results: Results,
  rate: TailRate,
  id: string,
  baseId: string,
): number | undefined {
  return ratioOf(
    results.rows.get(id)?.tail,
    results.rows.get(baseId)?.tail,
    (sample) => sample[rate].p99,
  );
}

/** The same of any number of two rows. */
export function ratioOf<T>(
  mine: Rounds<T> | undefined,
  others: Rounds<T> | undefined,
  of: (sample: T) => number,
): number | undefined {
  const ratios = [...mine ?? []].flatMap(([round, sample]) => {
    const other = others?.get(round);
    return other === undefined ? [] : [of(sample) / of(other)];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** Most requests of a worker to fewest. */
export function spread({ perWorker }: LoadSample): number {
  return perWorker[0]! / perWorker.at(-1)!;
}
