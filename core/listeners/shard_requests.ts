/**
 * The shards that a worker was asked to accept on, until it says that it does.
 *
 * @module
 */

/**
 * Counts what is still to be answered: a shard may be asked for, given back and
 * asked for again before the first answer comes, and then two do.
 */
export class ShardRequests {
  readonly #counts = new Map<string, number>();

  /** How many shards are to be answered. */
  get size(): number {
    return this.#counts.size;
  }

  /** It is told to adopt the shard. */
  ask(listener: string, shard: number): void {
    const key = `${listener} ${shard}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** It has adopted the shard; false if nobody has asked it to. */
  answer(listener: string, shard: number): boolean {
    const key = `${listener} ${shard}`;
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
    return count > 0;
  }
}
