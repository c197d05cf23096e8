/**
 * The request that a worker of a new version has to answer before it accepts:
 * it is started as a standby, and resumes with the answer.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import type { FromWorker } from "../protocol.ts";
import type { PoolWorker } from "../worker.ts";
import type { Noise } from "./noise.ts";

/** What a worker has said of its answer. */
type Checked = Extract<FromWorker, { readonly type: "checked" }>;

/** Has workers make the request, and judges the answers. */
export class HealthChecks {
  readonly #context: PoolContext;
  readonly #noise: Noise;
  readonly #settled: (worker: PoolWorker, well: boolean) => void;
  readonly #asked = new WeakSet<PoolWorker>();

  /**
   * Asks nobody yet.
   *
   * @param settled called when it is known whether a worker may accept; if not,
   * its `failure` says why
   */
  constructor(
    context: PoolContext,
    noise: Noise,
    settled: (worker: PoolWorker, well: boolean) => void,
  ) {
    this.#context = context;
    this.#noise = noise;
    this.#settled = settled;
  }

  /** A worker could accept: it is asked. */
  begin(worker: PoolWorker): void {
    const { config: { check = "/", checkTimeout }, adapter, post } =
      this.#context;
    this.#asked.add(worker);
    worker.timer?.[Symbol.dispose]();
    worker.timer = adapter.clock.after(
      checkTimeout,
      () =>
        post(() =>
          this.#settle(worker, `was not answered in ${checkTimeout / 1000} s`)
        ),
    );
    worker.tell({ type: "check", path: check });
  }

  /** A worker says how the request was answered. */
  hear(worker: PoolWorker, { status, reason }: Checked): void {
    if (!this.#asked.has(worker)) {
      return this.#noise.hear(
        worker,
        "it tells of a request that was not made",
      );
    }
    // As of Kubernetes' probes: any status from 200 on and below 400.
    const well = status >= 200 && status < 400;
    const line = reason === "" ? `${status}` : `${status} ${reason}`;
    this.#settle(
      worker,
      well
        ? undefined
        : status === 0
        ? `got no answer: ${reason}`
        : `was answered with ${line}`,
    );
  }

  #settle(worker: PoolWorker, problem: string | undefined): void {
    if (!this.#asked.delete(worker) || worker.state !== "standby") return;
    worker.timer?.[Symbol.dispose]();
    if (problem !== undefined) {
      worker.failure = `GET ${this.#context.config.check} ${problem}`;
    }
    this.#settled(worker, problem === undefined);
  }
}
