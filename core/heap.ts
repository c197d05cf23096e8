/**
 * Keeps things so that the first of them is found at once: a binary heap.
 *
 * @module
 */

/** Things in an order, of which only the first is looked at. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** Makes an empty one, ordered by what comes before what. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  /** The first one; undefined when there is none. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Adds one. Costs the logarithm of their number. */
  push(item: T): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#before(item, items[above]!)) break;
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  /** Takes the first one out. Costs the logarithm of their number. */
  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      const other = below + 1;
      if (other < items.length && this.#before(items[other]!, items[below]!)) {
        below = other;
      }
      if (!this.#before(items[below]!, last)) break;
      items[at] = items[below]!;
      at = below;
    }
    items[at] = last;
    return first;
  }
}
