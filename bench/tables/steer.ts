/**
 * The tables of the kernel's choice, with the aims beside the numbers.
 *
 * @module
 */

import { over, ratioOf, type Rounds } from "../results.ts";
import { decimal, table } from "../table.ts";
import type { LoadResult } from "../workloads/load.ts";
import { type Counts, unevenness } from "../workloads/placement.ts";
import type { SteerRow, Way } from "../workloads/steer.ts";
import { TAIL_RATES, type TailResult } from "../workloads/tail.ts";
import type { UnequalResult } from "../workloads/unequal.ts";

/** What was measured of a row. */
export interface SteerSamples {
  /** The row. */
  readonly row: SteerRow;
  /** So many connections at once, by their number. */
  readonly bursts: ReadonlyMap<number, Counts>;
  /** Requests as fast as they go. */
  readonly load: Rounds<LoadResult>;
  /** Cheap requests beside some that burn CPU. */
  readonly tail: Rounds<TailResult>;
  /** The same for clients that are far away. */
  readonly far: Rounds<TailResult>;
  /** Connections that cost unequally. */
  readonly unequal: Rounds<UnequalResult>;
  /** Wake-ups for each connection, by the number of workers. */
  readonly wakeUps: ReadonlyMap<number, number>;
  /** What did not work. */
  readonly failures: readonly string[];
}

/** The row of the same server by another way. */
type Beside = (way: Way) => SteerSamples | undefined;

/** An aim: what it is about, what it came to, and whether that is enough. */
interface Verdict {
  readonly aim: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Everything that was measured. */
export function steerTable(all: readonly SteerSamples[]): string {
  const sizes = numbersOf(all.map(({ bursts }) => bursts));
  const pools = numbersOf(all.map(({ wakeUps }) => wakeUps));
  return table(
    [
      "row",
      ...sizes.map((size) => `${size} at once`),
      "conn/s",
      ...["", "far "].flatMap((far) =>
        TAIL_RATES.map((rate) => `${far}p99 ${rate}/s`)
      ),
      "p99 unequal",
      ...pools.map((workers) => `wake-ups, ${workers}`),
    ],
    all.map((each) => [
      each.row.id,
      ...sizes.map((size) => most(each.bursts.get(size))),
      decimal(over(each.load, ({ fresh }) => fresh.rate), 0),
      ...[each.tail, each.far].flatMap((tail) =>
        TAIL_RATES.map((rate) => decimal(over(tail, (one) => one[rate].p99), 1))
      ),
      decimal(over(each.unequal, ({ p99 }) => p99), 1),
      ...pools.map((workers) => decimal(each.wakeUps.get(workers), 2)),
    ]),
  );
}

/** The aims that there are numbers for. */
export function steerAims(all: readonly SteerSamples[]): string {
  const verdicts = all.flatMap((each) => {
    const beside: Beside = (way) =>
      all.find(({ row }) =>
        row.way === way && row.runtime === each.row.runtime &&
        (row.server === each.row.server || way === "in turn")
      );
    return [
      ...bursts(each),
      ...load(each, beside),
      ...tails(each, beside),
      ...unequal(each, all),
      ...wakeUps(each),
    ].map((verdict) => ({ id: each.row.id, ...verdict }));
  });
  return table(
    ["row", "aim", "measured", "verdict"],
    verdicts.map(({ id, aim, measured, met }) => [
      id,
      aim,
      measured,
      met ? "met" : "NOT MET",
    ]),
  );
}

function numbersOf(maps: readonly ReadonlyMap<number, unknown>[]): number[] {
  const numbers = new Set(maps.flatMap((map) => [...map.keys()]));
  return [...numbers].sort((a, b) => a - b);
}

function most(counts: Counts | undefined): string {
  return counts === undefined ? "-" : `${counts[0]} : ${counts.at(-1)}`;
}

/** The most that a burst may be uneven by; the kernel's hash has luck. */
function bursts({ row, bursts }: SteerSamples): Verdict[] {
  return [...bursts].flatMap(([size, counts]) => {
    const limit = row.way === "picked + help"
      ? size >= 5000 ? 1.05 : 1.1
      : row.way === "hash + help" && size < 5000
      ? 2
      : undefined;
    return limit === undefined ? [] : [{
      aim: `${size} at once: most : fewest <= ${limit}`,
      measured: most(counts),
      met: unevenness(counts) <= limit,
    }];
  });
}

function load({ row, load }: SteerSamples, beside: Beside): Verdict[] {
  if (row.way !== "picked + help") return [];
  return ([["one queue", 1.1], ["in turn", 3.3]] as const).flatMap(
    ([way, least]) => {
      const x = ratioOf(load, beside(way)?.load, ({ fresh }) => fresh.rate);
      return x === undefined ? [] : [{
        aim: `connection per request >= ${least} x ${way}`,
        measured: `${x.toFixed(2)} x`,
        met: x >= least,
      }];
    },
  );
}

/** One queue is what a pool has that may not load the program. */
function tails(each: SteerSamples, beside: Beside): Verdict[] {
  const { way } = each.row;
  if (way !== "picked + help" && way !== "one queue") return [];
  return (["tail", "far"] as const).flatMap((what) => {
    const compare = (base: Way): number | undefined => {
      const ratios = TAIL_RATES.map((rate) =>
        ratioOf(each[what], beside(base)?.[what], (one) => one[rate].p99)
      ).filter((ratio) => ratio !== undefined);
      return ratios.length === 0 ? undefined : Math.max(...ratios);
    };
    const name = what === "far" ? "far p99" : "p99";
    const limit = way === "picked + help" ? 1.2 : 1.5;
    const shared = compare("shared");
    const hash = what === "tail" ? compare("hash") : undefined;
    return [
      ...shared === undefined ? [] : [{
        aim: `${name} at both rates <= ${limit} x shared`,
        measured: `${shared.toFixed(2)} x`,
        met: shared <= limit,
      }],
      ...hash === undefined || way !== "picked + help" ? [] : [{
        aim: `${name} at both rates: hash >= 10 x`,
        measured: `${(1 / hash).toFixed(1)} x`,
        met: hash <= 0.1,
      }],
    ];
  });
}

function unequal(
  { row, unequal }: SteerSamples,
  all: readonly SteerSamples[],
): Verdict[] {
  if (row.way !== "picked + help" || unequal.size === 0) return [];
  const others = all.filter((other) =>
    other.row.runtime === row.runtime && other.row.server === row.server &&
    other.row.way !== row.way && other.unequal.size > 0
  ).map((other) => ({
    way: other.row.way,
    x: ratioOf(unequal, other.unequal, ({ p99 }) => p99) ?? NaN,
  })).sort((a, b) => b.x - a.x);
  const best = others[0];
  return best === undefined ? [] : [{
    aim: "unequal connections: the best p99",
    measured: `${best.x.toFixed(2)} x ${best.way}`,
    met: best.x <= 1,
  }];
}

function wakeUps({ row, wakeUps }: SteerSamples): Verdict[] {
  if (row.way !== "picked + help" || wakeUps.size === 0) return [];
  const worst = Math.max(...wakeUps.values());
  return [{
    aim: "wake-ups for a connection <= 1.05",
    measured: worst.toFixed(2),
    met: worst <= 1.05,
  }];
}
