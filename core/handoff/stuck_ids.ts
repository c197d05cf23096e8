/**
 * Which worker has which client: because it said that an id is its own, or
 * because the client was sent there before.
 *
 * @module
 */

/** How many ids are remembered; those not heard of for longest go first. */
export const MAX_STUCK = 100_000;

/** The longest id that is remembered, in UTF-16 units. */
export const MAX_ID = 256;

/** Remembers ids and their owners. */
export class StuckIds<T> {
  /** Least recently used first. */
  readonly #owners = new Map<string, T>();
  readonly #max: number;

  /** Makes an empty memory. */
  constructor(max: number = MAX_STUCK) {
    this.#max = max;
  }

  /** How many ids are remembered. */
  get size(): number {
    return this.#owners.size;
  }

  /** An id is a worker's own from now on. */
  add(id: string, owner: T): void {
    if (id.length > MAX_ID) return;
    this.#owners.delete(id);
    this.#owners.set(id, owner);
    if (this.#owners.size <= this.#max) return;
    for (const oldest of this.#owners.keys()) {
      this.#owners.delete(oldest);
      return;
    }
  }

  /** Whose an id is, as far as anybody said. */
  owner(id: string): T | undefined {
    const owner = this.#owners.get(id);
    if (owner !== undefined) this.add(id, owner);
    return owner;
  }

  /** A worker is gone, and its ids with it. */
  drop(owner: T): void {
    for (const [id, each] of this.#owners) {
      if (each === owner) this.#owners.delete(id);
    }
  }
}
