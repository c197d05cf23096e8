/**
 * What the numbers of `balanced` have to be: even, quick and without a queue at
 * once, each against the mode that does best there.
 *
 * @module
 */

import {
  over,
  ratio,
  ratioOf,
  type Results,
  type RowResult,
  tailRatio,
} from "./results.ts";
import type { Verdict } from "./targets.ts";
import { unevenness } from "./workloads/placement.ts";
import { TAIL_RATES } from "./workloads/tail.ts";

/** The targets of all rows in the mode that this run has numbers for. */
export function balancedVerdicts(results: Results): Verdict[] {
  return [...results.rows.values()].flatMap((result) =>
    result.row.watched === undefined ? [] : [
      ...load(results, result),
      ...placement(result),
      ...tail(results, result),
      ...unequal(results, result),
      ...churn(result),
    ]
  );
}

/** The id of the same server in another mode. */
function rival({ row }: RowResult, mode: string): string {
  return row.id.replace(/balanced$/, mode);
}

function load(results: Results, result: RowResult): Verdict[] {
  const { id, runtime } = result.row;
  return ([
    [`${runtime}/cluster-rr`, 3.3],
    [rival(result, "shared"), 1],
    [rival(result, "balanced-queue"), 1.1],
  ] as const).flatMap(([base, least]) => {
    const measured = ratio(results, "fresh", id, base);
    return measured === undefined ? [] : [{
      target: `connection per request: ${id} >= ${least} x ${base}`,
      measured: `${measured.toFixed(3)} x`,
      met: measured >= least,
    }];
  });
}

function placement({ row, placement }: RowResult): Verdict[] {
  if (placement === undefined) return [];
  const { apart, atOnce } = placement;
  return ([["5 ms apart", apart], ["at once", atOnce]] as const).map(
    ([how, counts]) => ({
      target: `placement, ${how}: ${row.id} most : fewest <= 1.1`,
      measured: `${counts[0]} : ${counts.at(-1)}`,
      met: unevenness(counts) <= 1.1,
    }),
  );
}

function tail(results: Results, result: RowResult): Verdict[] {
  const { id, runtime } = result.row;
  const compare = (
    base: string,
    most: number,
    describe: (worst: number) => Pick<Verdict, "target" | "measured">,
  ): Verdict[] => {
    const ratios = TAIL_RATES.map((rate) => tailRatio(results, rate, id, base))
      .filter((each) => each !== undefined);
    if (ratios.length === 0) return [];
    const worst = Math.max(...ratios);
    return [{ ...describe(worst), met: worst <= most }];
  };
  const rates = `tail at ${TAIL_RATES.join("/s and ")}/s`;
  const shared = rival(result, "shared");
  return [
    ...compare(shared, 1.2, (worst) => ({
      target: `${rates}: p99 of ${id} <= 1.2 x ${shared}`,
      measured: `${worst.toFixed(2)} x`,
    })),
    ...compare(`${runtime}/cluster-rr`, 0.1, (worst) => ({
      target: `${rates}: p99 of ${runtime}/cluster-rr >= 10 x ${id}`,
      measured: `${(1 / worst).toFixed(1)} x`,
    })),
  ];
}

function unequal(results: Results, { row, unequal }: RowResult): Verdict[] {
  const others = [...results.rows.values()].flatMap((other) => {
    if (other.row.runtime !== row.runtime || other.row.watched) return [];
    const measured = ratioOf(unequal, other.unequal, ({ p99 }) => p99);
    return measured === undefined ? [] : [{ id: other.row.id, measured }];
  });
  const best = others.toSorted((a, b) => b.measured - a.measured)[0];
  if (best === undefined) return [];
  const p99 = over(unequal, (sample) => sample.p99);
  return [{
    target: `unequal connections: ${row.id} has the best p99`,
    measured: `${p99.toFixed(1)} ms, ${best.measured.toFixed(2)} x ${best.id}`,
    met: best.measured <= 1,
  }];
}

function churn({ row, churn }: RowResult): Verdict[] {
  if (churn === undefined) return [];
  const { rate, supervisor, passedOn, passedOnFlat } = churn;
  const most = Math.max(passedOn, passedOnFlat);
  return [
    {
      target: `10,000 connections/s: supervisor of ${row.id} < 10 % of a core`,
      measured: `${(100 * supervisor).toFixed(2)} % (at ${
        Math.round(rate).toLocaleString("en-US")
      }/s)`,
      met: supervisor < 0.1,
    },
    {
      target: `churn: ${row.id} passes on < 2 %`,
      measured: `${(100 * most).toFixed(2)} %`,
      met: most < 0.02,
    },
  ];
}
