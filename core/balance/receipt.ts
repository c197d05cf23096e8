/**
 * What became of the connections of each generation: the receipt of a reload.
 *
 * @module
 */

import type { Host } from "../host.ts";
import type { Listener } from "../listeners/listeners.ts";

/**
 * What became of the connections of a generation. Undefined is what the pool's
 * share modes cannot know: in `shared`, `sharded` and `reuseport`, and of
 * programs in other languages, nobody counts.
 */
export interface Tally {
  /** Connections that its workers have accepted, or been given. */
  readonly accepted: number | undefined;
  /** Those of them that have ended. */
  readonly finished: number | undefined;
  /** Those that were open when their worker crashed or was killed. */
  readonly cut: number | undefined;
  /** Connections that were passed on to other workers, in `balanced`. */
  readonly passedOn: number | undefined;
  /** Connections that came back from dead workers, and went to others. */
  readonly redispatched: number | undefined;
}

/** The tally of one generation. */
export interface Receipt extends Tally {
  /** The generation. */
  readonly generation: number;
}

/** The same of one worker. */
export interface WorkerTally extends Omit<Tally, "finished" | "cut"> {
  /** Connections that it has open. */
  readonly open: number | undefined;
}

type Count = number | undefined;

/**
 * How many connections wait in the kernel to be accepted on the listeners of a
 * pool; undefined where no queue can be looked at, or one is that of a worker's
 * own socket (`reuseport`).
 */
export function queuedAt(
  listeners: readonly Pick<Listener, "mode" | "sockets">[],
  { queued }: Pick<Host, "queued">,
): Count {
  if (listeners.some(({ mode }) => mode === "reuseport")) return undefined;
  // A shard that nobody listens on has no queue.
  const known = listeners.flatMap(({ sockets }) => sockets)
    .flatMap(({ fd }) => queued(fd) ?? []);
  return known.length === 0 ? undefined : known.reduce((a, b) => a + b);
}

/** The connections of the generations that a reload is about. */
export class Ledger {
  readonly #gone = new Map<number, Tally>();

  /**
   * A worker is gone.
   *
   * @param cut whether what it had open was cut: it did not leave by itself
   */
  close(generation: number, worker: WorkerTally, cut: boolean): void {
    const lost = cut || worker.open === undefined ? worker.open : 0;
    this.#gone.set(generation, sum(this.#gone.get(generation), worker, lost));
  }

  /**
   * What is known of each generation: of those who are gone, and of those who
   * are there.
   */
  receipts(
    present: Iterable<readonly [generation: number, worker: WorkerTally]>,
  ): readonly Receipt[] {
    const sums = new Map(this.#gone);
    for (const [generation, worker] of present) {
      const cut = worker.open === undefined ? undefined : 0;
      const own = sum(sums.get(generation), worker, cut);
      const finished = minus(own.finished, worker.open);
      sums.set(generation, { ...own, finished });
    }
    return [...sums].sort(([a], [b]) => a - b).map(([generation, tally]) => ({
      generation,
      ...tally,
    }));
  }

  /** Begins anew with the generation that goes on. */
  keep(generation: number): void {
    for (const known of this.#gone.keys()) {
      if (known !== generation) this.#gone.delete(known);
    }
  }
}

const NOTHING: Tally = {
  accepted: 0,
  finished: 0,
  cut: 0,
  passedOn: 0,
  redispatched: 0,
};

function sum(
  before: Tally = NOTHING,
  { accepted, passedOn, redispatched }: WorkerTally,
  cut: Count,
): Tally {
  return {
    accepted: plus(before.accepted, accepted),
    finished: plus(before.finished, minus(accepted, cut)),
    cut: plus(before.cut, cut),
    passedOn: plus(before.passedOn, passedOn),
    redispatched: plus(before.redispatched, redispatched),
  };
}

/** What is not known of one worker is not known of all. */
function plus(a: Count, b: Count): Count {
  return a === undefined || b === undefined ? undefined : a + b;
}

function minus(a: Count, b: Count): Count {
  return a === undefined || b === undefined ? undefined : Math.max(0, a - b);
}
