/**
 * Who waits until every wanted worker is ready.
 *
 * @module
 */

/** Promises that are kept together, or not at all. */
export class Ready {
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #why: Error | undefined;
  #told = false;

  /** True once they have been. */
  get told(): boolean {
    return this.#told;
  }

  /** Resolves when they are; rejects when they will not be. */
  wait(): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    if (this.#why === undefined) this.#waiting.push(waiter);
    else waiter.reject(this.#why);
    return waiter.promise;
  }

  /** They are; true for the first time. */
  tell(): boolean {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
    const first = !this.#told;
    this.#told = true;
    return first;
  }

  /** They will not be any more. */
  end(why: Error): void {
    this.#why = why;
    for (const { reject } of this.#waiting.splice(0)) reject(why);
  }
}
