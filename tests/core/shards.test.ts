import assert from "node:assert/strict";
import { type AdoptionChange, Shards } from "../../core/listeners/shards.ts";
import { describe, test } from "../harness.ts";
import { forSeeds } from "../random.ts";

/** Shards of which these are used and these have a ready worker. */
function shardsOf(used: readonly number[], ready: readonly number[]): Shards {
  const shards = new Shards();
  for (const shard of used) shards.use(shard);
  for (const slot of ready) shards.join(slot);
  return shards;
}

const written = (changes: readonly AdoptionChange[]): string =>
  changes.map(({ type, shard, slot }) =>
    `${type === "adopt" ? "" : "not "}${shard}>${slot}`
  ).join(" ");

const assigned = (used: readonly number[], ready: readonly number[]): string =>
  written(shardsOf(used, ready).changes());

describe("who adopts which shard", () => {
  test("nobody, while every slot of a used shard is ready", () => {
    assert.equal(assigned([0, 1, 2], [0, 1, 2]), "");
  });
  test("a shard that was never used needs nobody", () => {
    assert.equal(assigned([0, 1], [0, 1]), "");
    assert.equal(assigned([], [0]), "");
  });
  test("a ready worker takes the shard of one that is gone", () => {
    assert.equal(assigned([0, 1], [0]), "1>0");
  });
  test("several shards are spread", () => {
    assert.equal(assigned([0, 1, 2, 3], [0, 1]), "2>0 3>1");
    assert.equal(assigned([0, 1, 2, 3, 4], [0, 1]), "2>0 3>1 4>0");
  });
  test("an adopter that is still ready keeps what it has", () => {
    const shards = shardsOf([0, 1], [0]);
    shards.changes();
    shards.join(2);
    assert.equal(written(shards.changes()), "");
    assert.deepEqual([...shards.adopters], [[1, 0]]);
  });
  test("the next orphan goes to who has adopted least", () => {
    const shards = shardsOf([2], [0]);
    shards.changes();
    shards.join(1);
    shards.use(3);
    assert.equal(written(shards.changes()), "3>1");
  });
  test("when the adopter is gone as well, another takes over", () => {
    const shards = shardsOf([2], [0]);
    shards.changes();
    shards.join(1);
    shards.leave(0);
    assert.equal(written(shards.changes()), "0>1 2>1");
  });
  test("another worker in the adopter's slot is told as the first one was", () => {
    const shards = shardsOf([1], [0]);
    shards.changes();
    shards.leave(0);
    shards.join(0);
    assert.equal(written(shards.changes()), "1>0");
  });
  test("a slot that is ready again has its shard back", () => {
    const shards = shardsOf([1], [0]);
    shards.changes();
    shards.join(1);
    assert.equal(written(shards.changes()), "not 1>0");
  });
  test("one that was ready for a moment only has not", () => {
    const shards = shardsOf([1], [0]);
    shards.changes();
    shards.join(1);
    shards.leave(1);
    assert.equal(written(shards.changes()), "");
    assert.deepEqual([...shards.adopters], [[1, 0]]);
  });
  test("when nobody is ready, nobody adopts", () => {
    const shards = shardsOf([1], [0]);
    shards.changes();
    shards.leave(0);
    assert.equal(written(shards.changes()), "");
    assert.deepEqual([...shards.adopters], []);
  });
  test("the adoptions are told first", () => {
    const shards = shardsOf([0, 1, 2], [0]);
    shards.changes();
    shards.join(1);
    shards.use(3);
    assert.equal(written(shards.changes()), "3>1 not 1>0");
  });
});

test("in any sequence of deaths and births no used shard is a black hole", () => {
  forSeeds(300, (random) => {
    const count = random.whole(1, 8);
    const shards = new Shards();
    const ready = new Set<number>();
    for (let turn = 0; turn < 30; turn++) {
      const seed = `seed ${random.seed}, turn ${turn}`;
      const before = new Map(shards.adopters);
      const stayed = new Set(ready);
      for (let events = random.whole(0, 4); events > 0; events--) {
        const slot = random.whole(0, count - 1);
        if (random.chance(0.1)) {
          shards.use(slot);
          continue;
        }
        stayed.delete(slot);
        if (ready.has(slot)) {
          shards.leave(slot);
          ready.delete(slot);
        } else {
          shards.join(slot);
          ready.add(slot);
        }
      }
      const changes = shards.changes();
      checkAssignment(shards, ready, before, stayed, seed);
      checkChanges(before, changes, shards.adopters, stayed, seed);
      assert.deepEqual(shards.changes(), [], `${seed} stays`);
    }
  });
});

/** @param stayed those whose worker was ready all the time */
function checkAssignment(
  { used, adopters }: Shards,
  ready: ReadonlySet<number>,
  before: ReadonlyMap<number, number>,
  stayed: ReadonlySet<number>,
  seed: string,
): void {
  const orphans = [...used].filter((shard) => !ready.has(shard));
  assert.deepEqual(
    [...adopters.keys()].sort(),
    ready.size > 0 ? orphans.sort() : [],
    seed,
  );
  const load = new Map([...ready].map((slot) => [slot, 0]));
  const kept = new Map(load);
  for (const [shard, slot] of adopters) {
    assert.ok(ready.has(slot), seed);
    const adopter = before.get(shard);
    if (adopter !== undefined && stayed.has(adopter)) {
      assert.equal(slot, adopter, seed);
      kept.set(slot, kept.get(slot)! + 1);
    }
    load.set(slot, load.get(slot)! + 1);
  }
  // Nobody who got something new has more than the least loaded one plus it.
  const least = Math.min(...load.values());
  for (const [slot, count] of load) {
    if (count > kept.get(slot)!) assert.ok(count <= least + 1, seed);
  }
}

/** What a worker has been told is what is so; a new one has been told nothing. */
function checkChanges(
  before: ReadonlyMap<number, number>,
  changes: readonly AdoptionChange[],
  after: ReadonlyMap<number, number>,
  stayed: ReadonlySet<number>,
  seed: string,
): void {
  const told = [...before].filter(([, slot]) => stayed.has(slot));
  const pairs = new Set(told.map((pair) => pair.join(">")));
  for (const { type, shard, slot } of changes) {
    const pair = `${shard}>${slot}`;
    assert.equal(pairs.has(pair), type === "release", seed);
    if (type === "adopt") pairs.add(pair);
    else pairs.delete(pair);
  }
  const wanted = [...after].map((pair) => pair.join(">"));
  assert.deepEqual([...pairs].sort(), wanted.sort(), seed);
}
