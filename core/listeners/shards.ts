/**
 * Who accepts on which shard, so that no shard is a black hole.
 *
 * A shard in use whose slot has no ready worker would keep its share of the
 * connections waiting: the kernel goes on hashing them to it. So another
 * worker accepts on it as well until the slot is ready again.
 *
 * @module
 */

/** Shard number -> the slot whose worker accepts on it in the slot's stead. */
export type Adoptions = ReadonlyMap<number, number>;

/**
 * Says who adopts which shard.
 *
 * @param used the shards whose queue has been opened by a worker
 * @param ready the slots that have a ready worker
 * @param present who adopts what now; an adopter that is still ready keeps it
 */
export function assignShards(
  used: Iterable<number>,
  ready: ReadonlySet<number>,
  present: Adoptions,
): Adoptions {
  const next = new Map<number, number>();
  const load = new Map<number, number>();
  for (const slot of ready) load.set(slot, 0);
  const orphans: number[] = [];
  for (const shard of used) {
    if (ready.has(shard)) continue;
    const adopter = present.get(shard);
    if (adopter !== undefined && ready.has(adopter)) {
      next.set(shard, adopter);
      load.set(adopter, load.get(adopter)! + 1);
    } else orphans.push(shard);
  }
  for (const shard of orphans) {
    let best: number | undefined;
    for (const [slot, count] of load) {
      if (best === undefined || count < load.get(best)!) best = slot;
    }
    if (best === undefined) break;
    next.set(shard, best);
    load.set(best, load.get(best)! + 1);
  }
  return next;
}

/** What has to be said to get from one assignment to another. */
export interface AdoptionChange {
  /** What to do. */
  readonly type: "adopt" | "release";
  /** The shard. */
  readonly shard: number;
  /** The slot whose worker is told. */
  readonly slot: number;
}

/** The differences between two assignments; releases of dead slots included. */
export function adoptionChanges(
  before: Adoptions,
  after: Adoptions,
): readonly AdoptionChange[] {
  const changes: AdoptionChange[] = [];
  for (const [shard, slot] of after) {
    if (before.get(shard) !== slot) {
      changes.push({ type: "adopt", shard, slot });
    }
  }
  for (const [shard, slot] of before) {
    if (after.get(shard) !== slot) {
      changes.push({ type: "release", shard, slot });
    }
  }
  return changes;
}
