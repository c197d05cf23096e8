/**
 * What the numbers of prefork have to be beside those of its peers: as good, and
 * a reload that loses nothing.
 *
 * @module
 */

import { ratio, type Results, type RowResult, tailRatio } from "./results.ts";
import type { Verdict } from "./targets.ts";
import { unevenness } from "./workloads/placement.ts";
import { TAIL_RATES } from "./workloads/tail.ts";

/** What a peer may be better by: as much as two starts of one row differ. */
const ALIKE = 0.98;

/** How much less even prefork's placement may be: 26 : 24 beside 25 : 25. */
const AS_EVEN = 1.15;

/** The targets beside each peer that this run has numbers for. */
export function peerVerdicts(results: Results): Verdict[] {
  return [...results.rows.values()].flatMap((peer) => {
    const { runtime, rival } = peer.row;
    const own = results.rows.get(`${runtime}/${rival}`);
    return own === undefined ? lossless(peer) : [
      ...load(results, own, peer),
      ...placement(own, peer),
      ...tail(results, own, peer),
      ...reloads(own, peer),
    ];
  });
}

function load(
  results: Results,
  { row: { id } }: RowResult,
  { row: { id: peer } }: RowResult,
): Verdict[] {
  return ([
    ["fresh", "connection per request"],
    ["keepAlive", "keep-alive"],
  ] as const).flatMap(([kind, what]) => {
    const measured = ratio(results, kind, id, peer);
    return measured === undefined ? [] : [{
      target: `${what}: ${id} >= ${ALIKE} x ${peer}`,
      measured: `${measured.toFixed(3)} x`,
      met: measured >= ALIKE,
    }];
  });
}

function placement(own: RowResult, peer: RowResult): Verdict[] {
  return ([["apart", "5 ms apart"], ["atOnce", "at once"]] as const).flatMap(
    ([way, what]) => {
      const mine = own.placement?.[way];
      const other = peer.placement?.[way];
      if (mine === undefined || other === undefined) return [];
      // A worker without a connection is as uneven as it gets.
      const least = unevenness(mine);
      const most = AS_EVEN * unevenness(other);
      return [{
        target:
          `placement, ${what}: ${own.row.id} at most ${AS_EVEN} x as uneven as ${peer.row.id}`,
        measured: `${mine[0]} : ${mine.at(-1)} beside ${other[0]} : ${
          other.at(-1)
        }`,
        met: least <= most,
      }];
    },
  );
}

function tail(
  results: Results,
  { row: { id } }: RowResult,
  { row: { id: peer } }: RowResult,
): Verdict[] {
  const ratios = TAIL_RATES.map((rate) => tailRatio(results, rate, id, peer))
    .filter((each) => each !== undefined);
  if (ratios.length === 0) return [];
  const worst = Math.max(...ratios);
  return [{
    target: `tail at ${TAIL_RATES.join("/s and ")}/s: p99 of ${id} <= ${peer}`,
    measured: `${worst.toFixed(2)} x`,
    met: worst <= 1,
  }];
}

function reloads(
  { row, reloads: own = [] }: RowResult,
  peer: RowResult,
): Verdict[] {
  const lost = sum(own.map(({ failed, cut }) => failed + cut));
  if (own.length === 0) return [];
  return (peer.reloads ?? []).map(({ by, failed, cut }): Verdict => ({
    target: `reload: ${row.id} loses no more than ${peer.row.id} (${by})`,
    measured: `${lost} beside ${failed + cut}`,
    met: lost <= failed + cut,
  }));
}

/** What prefork promises by itself. */
function lossless({ row, reloads = [] }: RowResult): Verdict[] {
  if (row.rival !== undefined) return [];
  return reloads.map(({ by, answered, failed, cut }) => ({
    target: `reload: ${row.id} loses nothing (${by})`,
    measured: `${failed} failed, ${cut} cut of ${
      answered.toLocaleString("en-US")
    }`,
    met: failed + cut === 0,
  }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
