/**
 * Who accepts on which shard, so that no shard is a black hole.
 *
 * A shard in use whose slot has no ready worker would keep its share of the
 * connections waiting: the kernel goes on hashing them to it. So another
 * worker accepts on it as well until the slot is ready again.
 *
 * @module
 */

/** What has to be said to a worker. */
export interface AdoptionChange {
  /** What to do. */
  readonly type: "adopt" | "release";
  /** The shard. */
  readonly shard: number;
  /** The slot whose worker is told. */
  readonly slot: number;
}

/**
 * The shards of a pool. What an event costs does not grow with their number: it
 * is about the shards that have lost or found somebody.
 */
export class Shards {
  readonly #used = new Set<number>();
  /** The slots that have a ready worker, by what they have adopted. */
  readonly #ready = new Loads();
  readonly #adopted = new Map<number, Set<number>>();
  /** Shard -> the slot whose worker accepts on it in the slot's stead. */
  readonly #adopters = new Map<number, number>();
  /** Those that nobody accepts on. */
  readonly #orphans = new Set<number>();
  /** Those that are adopted, and whose slot is ready again. */
  readonly #returned = new Set<number>();

  /** The shards whose queue was opened: a worker has listened on them. */
  get used(): ReadonlySet<number> {
    return this.#used;
  }

  /** Who accepts on which shard in its slot's stead. */
  get adopters(): ReadonlyMap<number, number> {
    return this.#adopters;
  }

  /** The slot whose worker accepts on a shard, if one does. */
  acceptorOf(shard: number): number | undefined {
    return this.#ready.has(shard) ? shard : this.#adopters.get(shard);
  }

  /** A worker may have opened the queue of its slot's shard. */
  use(slot: number): void {
    if (this.#used.has(slot)) return;
    this.#used.add(slot);
    if (!this.#ready.has(slot)) this.#orphans.add(slot);
  }

  /** A slot has a ready worker, which has adopted nothing. */
  join(slot: number): void {
    this.use(slot);
    this.#ready.set(slot, 0);
    this.#adopted.set(slot, new Set());
    this.#orphans.delete(slot);
    if (this.#adopters.has(slot)) this.#returned.add(slot);
  }

  /** A slot has no ready worker any more, or another one than before. */
  leave(slot: number): void {
    const left = this.#adopted.get(slot);
    if (left === undefined) return;
    this.#ready.delete(slot);
    this.#adopted.delete(slot);
    this.#returned.delete(slot);
    if (!this.#adopters.has(slot)) this.#orphans.add(slot);
    for (const shard of left) {
      this.#adopters.delete(shard);
      if (!this.#returned.delete(shard)) this.#orphans.add(shard);
    }
  }

  /**
   * Gives each shard without anybody to who has adopted least, and back to its
   * slot what has a worker again. Who has adopted a shard keeps it as long as it
   * is ready. What has to be said for that, adoptions first.
   */
  changes(): readonly AdoptionChange[] {
    const releases: AdoptionChange[] = [];
    for (const shard of this.#returned) {
      const slot = this.#adopters.get(shard)!;
      this.#adopters.delete(shard);
      this.#adopted.get(slot)!.delete(shard);
      this.#ready.set(slot, this.#adopted.get(slot)!.size);
      releases.push({ type: "release", shard, slot });
    }
    this.#returned.clear();
    const changes: AdoptionChange[] = [];
    for (const shard of this.#orphans) {
      const slot = this.#ready.least();
      if (slot === undefined) break;
      this.#orphans.delete(shard);
      this.#adopters.set(shard, slot);
      this.#adopted.get(slot)!.add(shard);
      this.#ready.set(slot, this.#adopted.get(slot)!.size);
      changes.push({ type: "adopt", shard, slot });
    }
    return [...changes, ...releases];
  }
}

/** Slots by their load, of which the least loaded is found at once. */
class Loads {
  readonly #loads = new Map<number, number>();
  /** Load -> the slots that have it, in the order in which they came to it. */
  readonly #slots: Set<number>[] = [];
  /** Nobody has less. */
  #least = 0;

  has(slot: number): boolean {
    return this.#loads.has(slot);
  }

  set(slot: number, load: number): void {
    this.delete(slot);
    this.#loads.set(slot, load);
    (this.#slots[load] ??= new Set()).add(slot);
    this.#least = Math.min(this.#least, load);
  }

  delete(slot: number): void {
    const load = this.#loads.get(slot);
    if (load === undefined) return;
    this.#loads.delete(slot);
    this.#slots[load]!.delete(slot);
  }

  least(): number | undefined {
    if (this.#loads.size === 0) return undefined;
    while (!this.#slots[this.#least]?.size) this.#least++;
    const [slot] = this.#slots[this.#least]!;
    return slot;
  }
}
