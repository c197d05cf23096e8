/** What the figure of docs/BALANCE.md shows, and its tests hold. */

import { limitOf, SLACK_MS } from "../../core/balance/policy.ts";
import { quantile } from "./queueing.ts";
import { balanced } from "./queueing_balanced.ts";
import { churn, mixed, placing, play, sessions } from "./queueing_loads.ts";
import {
  leastConnections,
  type MakePlacement,
  random,
  roundRobin,
  shared,
  singleQueue,
} from "./queueing_placements.ts";

/** The ways to spread connections. */
export const MODES: Readonly<Record<string, MakePlacement>> = {
  "single queue": singleQueue,
  shared,
  random,
  "round-robin": roundRobin,
  "least connections": leastConnections,
  balanced: balanced(),
};

/**
 * The 99th percentile of cheap requests, in ms, while 6 % burn 60 ms of CPU;
 * four workers, a connection for each request, the mean of three seeds.
 */
export function tailOf(mode: MakePlacement, perSecond: number): number {
  let sum = 0;
  for (const seed of [1, 2, 3]) {
    const { waits } = play(mode, 4, mixed(perSecond), { until: 40_000, seed });
    sum += quantile(waits["cheap"]!, 0.99);
  }
  return sum / 3;
}

/** Most over mean, for 200 connections that stay, 5 ms apart, of 8 workers. */
export function unevennessOf(mode: MakePlacement): number {
  const { workers } = play(mode, 8, placing(200, 5), { until: 2000 });
  return Math.max(...workers.map(({ open }) => open)) / 25;
}

/** What comes of a slack. */
export interface SlackStudy {
  /** It, in ms. */
  readonly slack: number;
  /** The part that is passed on, of short connections in bursts of 20. */
  readonly passed: number;
  /** Most over mean of connections that live for about a second. */
  readonly unevenness: number;
  /** {@linkcode tailOf} at 250 requests a second, over that of one queue. */
  readonly tail: number;
}

/** `balanced` with another slack than it has. */
export function withSlack(slack: number): MakePlacement {
  return balanced({
    policy: (own, others) =>
      limitOf({ ...own, ended: own.ended * slack / SLACK_MS }, others),
  });
}

/** Looks at what a slack does. */
export function studySlack(slack: number): SlackStudy {
  const mode = withSlack(slack);
  const bursts = churn(1600, 1, { batch: 20 });
  const second = sessions({
    clients: 200,
    requests: 10,
    think: 100,
    cost: 0.1,
    sigma: 0,
  });
  return {
    slack,
    passed: play(mode, 8, bursts, { until: 5000 }).passed,
    unevenness: play(mode, 8, second, { until: 6000 }).unevenness,
    tail: tailOf(mode, 250) / tailOf(singleQueue, 250),
  };
}
