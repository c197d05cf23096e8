/**
 * What a pool has begun and has to end with it (as a DisposableStack, which Node
 * has from 24 on).
 *
 * @module
 */

/** Ends what was begun last first. */
export class Cleanup implements Disposable {
  readonly #begun: Disposable[] = [];

  /** Something was begun. */
  add(...begun: readonly Disposable[]): void {
    this.#begun.push(...begun);
  }

  /** It cannot go on: ends everything, and throws why. */
  readonly fail = (why: unknown): never => {
    this[Symbol.dispose]();
    throw why;
  };

  [Symbol.dispose](): void {
    for (const each of this.#begun.splice(0).reverse()) {
      each[Symbol.dispose]();
    }
  }
}
