/**
 * What workers send that is none of what they may say: it is told, but not as
 * often and not at such length as a worker likes.
 *
 * @module
 */

import type { Clock } from "../adapter/clock.ts";
import type { PoolEvent } from "../events.ts";
import { Rate } from "../rate.ts";
import type { PoolWorker } from "../worker.ts";

/** So many are told of a worker at once. */
export const NOISE_BURST = 10;

/** And then one in so many ms. */
export const NOISE_MS = 10_000;

/** The longest problem that is told whole, in UTF-16 units. */
export const MAX_PROBLEM = 300;

/** Tells of noise. */
export class Noise {
  readonly #clock: Clock;
  readonly #emit: (event: PoolEvent) => void;
  readonly #sources = new WeakMap<
    PoolWorker,
    { readonly rate: Rate; untold: number }
  >();

  /** Makes one that tells by events. */
  constructor(clock: Clock, emit: (event: PoolEvent) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** A worker has sent something that is wrong. */
  hear(worker: PoolWorker, problem: string): void {
    const source = this.#sources.get(worker) ?? {
      rate: new Rate(this.#clock, NOISE_BURST, 1000 / NOISE_MS),
      untold: 0,
    };
    this.#sources.set(worker, source);
    if (!source.rate.take()) source.untold++;
    else this.#tell(worker, problem, source);
  }

  /** A worker is gone: what was not told of it is told as a number. */
  end(worker: PoolWorker): void {
    const source = this.#sources.get(worker);
    if (source === undefined || source.untold === 0) return;
    this.#tell(worker, "there was more like this", source);
  }

  #tell(
    worker: PoolWorker,
    problem: string,
    source: { untold: number },
  ): void {
    const { untold } = source;
    source.untold = 0;
    this.#emit({
      type: "worker-noise",
      ...worker.identity,
      problem: problem.length > MAX_PROBLEM
        ? `${problem.slice(0, MAX_PROBLEM - 2)}..`
        : problem,
      ...(untold > 0 && { untold }),
    });
  }
}
