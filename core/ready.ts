/**
 * Who waits until every wanted worker is ready.
 *
 * @module
 */

interface Waiter extends PromiseWithResolvers<void> {
  readonly hasty: boolean;
}

/** Promises that are kept together, or not at all. */
export class Ready {
  #waiting: Waiter[] = [];
  #why: Error | undefined;
  #told = false;

  /** True once they have been. */
  get told(): boolean {
    return this.#told;
  }

  /**
   * Resolves when they are; rejects when they will not be.
   *
   * @param hasty true to reject as soon as one does not come up
   */
  wait(hasty = false): Promise<void> {
    const waiter = { ...Promise.withResolvers<void>(), hasty };
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

  /** One has not come up; another one is tried. */
  fail(why: Error): void {
    const hasty = this.#waiting.filter((each) => each.hasty);
    this.#waiting = this.#waiting.filter((each) => !each.hasty);
    for (const { reject } of hasty) reject(why);
  }

  /** They will not be any more. */
  end(why: Error): void {
    this.#why = why;
    for (const { reject } of this.#waiting.splice(0)) reject(why);
  }
}
