/** Ways to spread connections over workers, apart from `balanced`. */

import type { Random } from "../random.ts";
import {
  ACCEPT_MS,
  type Connection,
  type Timeline,
  type Worker,
} from "./queueing.ts";

/** Gets each connection to a worker. */
export interface Placement {
  /** Some connections arrive, at once. */
  offer(connections: readonly Connection[]): void;
  /** How many of them one worker has passed on to another. */
  readonly passed: number;
}

/** What a placement works with. */
export interface Scene {
  /** The time. */
  readonly timeline: Timeline;
  /** The workers, in the order in which the kernel wakes them. */
  readonly workers: readonly Worker[];
  /** Chance. */
  readonly random: Random;
}

/** Makes a placement. */
export type MakePlacement = (scene: Scene) => Placement;

/**
 * The optimum, which no pool of processes can reach with connections that
 * stay: every request waits in one queue, and whoever is idle takes the first.
 */
export const singleQueue: MakePlacement = ({ workers }) => {
  type Job = readonly [cost: number, done: () => unknown];
  const queue: Job[] = [];
  const busy = new Set<Worker>();
  const next = (): void => {
    for (const worker of workers) {
      if (queue.length === 0) return;
      if (busy.has(worker)) continue;
      const [cost, done] = queue.shift()!;
      busy.add(worker);
      worker.run(cost, () => {
        busy.delete(worker);
        done();
        next();
      });
    }
  };
  const run = (cost: number, done: () => unknown): void => {
    queue.push([cost, done]);
    next();
  };
  return {
    passed: 0,
    offer(connections) {
      for (const connection of connections) {
        run(ACCEPT_MS, () => connection.serve({ run }, () => {}));
      }
    },
  };
};

/** The queue of a listening socket that several workers accept from. */
export interface SharedQueue {
  /** Some connections arrive: one worker is woken. */
  add(connections: readonly Connection[]): void;
  /** Takes all that wait. */
  takeAll(): readonly Connection[];
  /** Takes some that wait, and wakes all that are idle. */
  takeSome(): readonly Connection[];
  /** How many wait. */
  readonly length: number;
  /** When the first of those that wait arrived. */
  readonly since: number;
  /** Wakes the first worker that is idle and listens. */
  wake(): void;
}

/**
 * Makes a queue. The kernel always wakes the same one first; whoever is awake
 * takes all there is.
 */
export function createQueue(
  { timeline, workers, random }: Scene,
  listens: (worker: Worker) => boolean,
): SharedQueue {
  let queue: Connection[] = [];
  let since = 0;
  const wake = (): void =>
    workers.find((each) => each.idle && listens(each))?.wake();
  return {
    get length() {
      return queue.length;
    },
    get since() {
      return since;
    },
    add(connections) {
      if (queue.length === 0) since = timeline.now();
      queue.push(...connections);
      wake();
    },
    takeAll() {
      const all = queue;
      if (all.length > 0) queue = [];
      return all;
    },
    takeSome() {
      const some = queue.splice(0, random.whole(1, 40));
      if (queue.length > 0) {
        for (const each of workers) if (each.idle && listens(each)) each.wake();
      }
      return some;
    },
    wake,
  };
}

/** One socket, which all workers accept from. */
export const shared: MakePlacement = (scene) => {
  const queue = createQueue(scene, () => true);
  for (const worker of scene.workers) worker.source = queue.takeAll;
  return { passed: 0, offer: queue.add };
};

/** Gives each connection away at once, to whoever `choose` names. */
function dealt(choose: (scene: Scene, round: number) => Worker): MakePlacement {
  return (scene) => {
    let round = 0;
    return {
      passed: 0,
      offer(connections) {
        for (const connection of connections) {
          const worker = choose(scene, round++);
          // Whoever deals knows what he has dealt.
          worker.open++;
          worker.run(ACCEPT_MS, () => {
            worker.open--;
            worker.keep(connection);
          });
        }
      },
    };
  };
}

/** SO_REUSEPORT: a hash of the addresses. */
export const random: MakePlacement = dealt(({ workers, random }) =>
  random.pick(workers)
);

/** In turn. */
export const roundRobin: MakePlacement = dealt(({ workers }, round) =>
  workers[round % workers.length]!
);

/** To the one with the fewest connections; in turn, where several have them. */
export const leastConnections: MakePlacement = dealt(({ workers }, round) => {
  let best = workers[round % workers.length]!;
  for (const worker of workers) if (worker.open < best.open) best = worker;
  return best;
});
