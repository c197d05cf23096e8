/** What clients do to a pool in the model, and what comes of it. */

import { createRandom, type Random } from "../random.ts";
import {
  type Connection,
  createCores,
  createTimeline,
  createWorker,
  exponential,
  lognormal,
  type Timeline,
  type Worker,
} from "./queueing.ts";
import type { MakePlacement } from "./queueing_placements.ts";

/** What came of a load. */
export interface Outcome {
  /** How long each request waited for its answer, by its kind, in ms. */
  readonly waits: { readonly [kind: string]: readonly number[] };
  /** The workers at the end. */
  readonly workers: readonly Worker[];
  /** Connections that were opened. */
  readonly connections: number;
  /** Which part of them was passed on. */
  readonly passed: number;
  /** Which part of the time the workers computed. */
  readonly busy: number;
  /**
   * The most open connections of a worker over the mean of all, on average over
   * the second half of the time.
   */
  readonly unevenness: number;
}

/** What a load works with. */
export interface Stage {
  /** The time. */
  readonly timeline: Timeline;
  /** Chance. */
  readonly random: Random;
  /** Opens connections, all at once. */
  open(...connections: Connection[]): void;
  /** A request of some kind was answered. */
  note(kind: string, wait: number): void;
}

/** Clients. */
export type Load = (stage: Stage) => void;

/** How a load is played. */
export interface PlayOptions {
  /** For how long, in ms; 10,000 unless given. */
  readonly until?: number;
  /** Whence chance comes; 1 unless given. */
  readonly seed?: number;
  /** How many cores there are; one for each worker unless given. */
  readonly cores?: number;
}

/** Plays a load on a pool. */
export function play(
  placement: MakePlacement,
  count: number,
  load: Load,
  { until = 10_000, seed = 1, cores }: PlayOptions = {},
): Outcome {
  const timeline = createTimeline();
  const shared = cores === undefined ? undefined : createCores(timeline, cores);
  const workers = Array.from(
    { length: count },
    (_, i) => createWorker(timeline, i, shared),
  );
  // Chance of their own for both, so that all placements meet the same load.
  const placed = placement({
    timeline,
    workers,
    random: createRandom(seed + 1_000_000),
  });
  const waits: { [kind: string]: number[] } = {};
  let connections = 0;
  load({
    timeline,
    random: createRandom(seed),
    open(...some) {
      connections += some.length;
      placed.offer(some);
    },
    note: (kind, wait) => void (waits[kind] ??= []).push(wait),
  });
  let most = 0;
  let mean = 0;
  for (let at = until / 2; at < until; at += until / 200) {
    timeline.after(at, () => {
      const open = workers.map((each) => each.open);
      most += Math.max(...open);
      mean += open.reduce((a, b) => a + b) / count;
    });
  }
  timeline.run(until);
  const busy = workers.reduce((sum, each) => sum + each.busy, 0);
  return {
    waits,
    workers,
    connections,
    passed: placed.passed / connections,
    busy: busy / count / until,
    unevenness: most / mean,
  };
}

/** Most open connections of a worker over fewest. */
export function spread({ workers }: Outcome): number {
  const open = workers.map((each) => each.open);
  return Math.max(...open) / Math.min(...open);
}

/** Something happens again and again, at times that know nothing of each other. */
export function poisson(
  { timeline, random }: Stage,
  perSecond: number,
  act: () => void,
): void {
  const next = (): void =>
    timeline.after(exponential(random, 1000 / perSecond), () => {
      act();
      next();
    });
  next();
}

/** A connection for one request. */
export function once(stage: Stage, kind: string, cost: number): Connection {
  const began = stage.timeline.now();
  return {
    serve: (runner, close) =>
      runner.run(cost, () => {
        stage.note(kind, stage.timeline.now() - began);
        close();
      }),
  };
}

/** Idle connections: nothing is asked on them. */
export function silent(): Connection {
  return { serve: () => {} };
}

/** Short connections that cost the same, more or less. */
export function churn(
  perSecond: number,
  cost: number,
  { batch = 1, sigma = 0.5 }: { batch?: number; sigma?: number } = {},
): Load {
  return (stage) =>
    poisson(stage, perSecond / batch, () => {
      const some = Array.from(
        { length: batch },
        () => once(stage, "all", lognormal(stage.random, cost, sigma)),
      );
      stage.open(...some);
    });
}

/** Clients that open a connection for each request, the next after an answer. */
export function closedChurn(clients: number, cost: number): Load {
  return (stage) => {
    const again = (): void => {
      const { serve } = once(stage, "all", lognormal(stage.random, cost, 0.5));
      stage.open({
        serve: (runner, close) =>
          serve(runner, () => {
            close();
            stage.timeline.after(0.1, again);
          }),
      });
    };
    for (let i = 0; i < clients; i++) again();
  };
}

/** Cheap requests, of which a part burns the CPU for 60 ms. */
export function mixed(perSecond: number): Load {
  return (stage) =>
    poisson(stage, perSecond, () => {
      const slow = stage.random.chance(0.06);
      stage.open(once(stage, slow ? "slow" : "cheap", slow ? 60 : 0.3));
    });
}

/** Connections that stay, opened one after the other or at once. */
export function placing(count: number, apart: number): Load {
  return (stage) => {
    if (apart === 0) {
      stage.timeline.after(
        1,
        () => stage.open(...Array.from({ length: count }, silent)),
      );
      return;
    }
    for (let i = 0; i < count; i++) {
      stage.timeline.after(1 + i * apart, () => stage.open(silent()));
    }
  };
}

/** What sessions are like. */
export interface Sessions {
  /** How many clients there are; each opens the next session after the last. */
  readonly clients: number;
  /** Requests of a session, on average. */
  readonly requests: number;
  /** Time between an answer and the next request, on average, in ms. */
  readonly think: number;
  /** What a request costs, on average over all connections, in ms. */
  readonly cost: number;
  /** How unequal connections are: sigma of their lognormal cost. */
  readonly sigma: number;
  /** Connections are opened within so many ms; at once unless given. */
  readonly within?: number;
}

/** Connections that live for many requests, some of them far dearer. */
export function sessions(what: Sessions): Load {
  const { clients, requests, think, cost, sigma, within = 0 } = what;
  return (stage) => {
    const { timeline } = stage;
    const begin = (random: Random): void => {
      const mean = lognormal(random, cost, sigma);
      let left = Math.max(1, Math.round(exponential(random, requests)));
      stage.open({
        serve(runner, close) {
          const ask = (): void => {
            const began = timeline.now();
            runner.run(lognormal(random, mean, 0.3), () => {
              stage.note("all", timeline.now() - began);
              if (--left > 0) {
                timeline.after(exponential(random, think), ask);
                return;
              }
              close();
              timeline.after(exponential(random, think), () => begin(random));
            });
          };
          ask();
        },
      });
    };
    for (let i = 0; i < clients; i++) {
      // Chance of its own for each: it does the same wherever it is served.
      const random = createRandom(stage.random.whole(0, 2 ** 31));
      timeline.after(within * i / clients, () => begin(random));
    }
  };
}
