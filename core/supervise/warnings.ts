/**
 * What workers have to say to the operator, each of it once.
 *
 * @module
 */

import type { PoolEvent } from "../events.ts";
import type { FromWorker } from "../protocol.ts";
import type { PoolWorker } from "../worker.ts";

/** The most different warnings of workers that a pool tells. */
const MAX_WARNINGS = 100;

/** Tells warnings of workers. */
export class WorkerWarnings {
  readonly #emit: (event: PoolEvent) => void;
  readonly #told = new Set<string>();

  /** `emit` is told of them. */
  constructor(emit: (event: PoolEvent) => void) {
    this.#emit = emit;
  }

  /** Tells one, unless another worker has said the same. */
  tell(message: string): void {
    if (this.#told.has(message) || this.#told.size === MAX_WARNINGS) return;
    this.#told.add(message);
    this.#emit({ type: "warning", message });
  }

  /** A worker has stopped accepting, or says why it cannot. */
  stopped(
    { onStill }: Pick<PoolWorker, "onStill">,
    said: Extract<FromWorker, { type: "parked" | "unparkable" }>,
  ): void {
    const problem = said.type === "unparkable" ? said.reason : undefined;
    if (onStill !== undefined) return onStill(problem);
    if (problem === undefined) return;
    this.tell(
      `a worker cannot be parked (${problem}): should a reload fail, the old version is started anew`,
    );
  }
}
