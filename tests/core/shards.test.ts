import assert from "node:assert/strict";
import {
  adoptionChanges,
  type Adoptions,
  assignShards,
} from "../../core/listeners/shards.ts";
import { describe, test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";

const assigned = (
  used: readonly number[],
  ready: readonly number[],
  present: Adoptions = new Map(),
): string =>
  [...assignShards(used, new Set(ready), present)]
    .map(([shard, slot]) => `${shard}>${slot}`).join(" ");

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
    assert.equal(assigned([0, 1, 2], [0, 1], new Map([[2, 1]])), "2>1");
  });
  test("the next orphan goes to who has adopted least", () => {
    assert.equal(
      assigned([0, 1, 2, 3], [0, 1], new Map([[2, 0]])),
      "2>0 3>1",
    );
  });
  test("when the adopter is gone as well, another takes over", () => {
    assert.equal(assigned([0, 1, 2], [1], new Map([[2, 0]])), "0>1 2>1");
  });
  test("a slot that is ready again has its shard back", () => {
    assert.equal(assigned([0, 1], [0, 1], new Map([[1, 0]])), "");
  });
  test("when nobody is ready, nobody adopts", () => {
    assert.equal(assigned([0, 1], [], new Map([[1, 0]])), "");
  });
});

test("the differences are told with the adoptions first", () => {
  assert.deepEqual(
    adoptionChanges(
      new Map([[1, 0], [2, 0], [3, 0]]),
      new Map([[1, 0], [2, 4]]),
    ),
    [
      { type: "adopt", shard: 2, slot: 4 },
      { type: "release", shard: 2, slot: 0 },
      { type: "release", shard: 3, slot: 0 },
    ],
  );
});

test("in any sequence of deaths and births no used shard is a black hole", () => {
  forSeeds(300, (random) => {
    const shards = random.whole(1, 8);
    const used = new Set<number>();
    let present: Adoptions = new Map();
    for (let turn = 0; turn < 30; turn++) {
      const ready = randomSlots(random, shards);
      for (const slot of ready) used.add(slot);
      const next = assignShards(used, ready, present);
      const seed = `seed ${random.seed}, turn ${turn}: ready ${[
        ...ready,
      ]}, from ${[...present].join(" ")} to ${[...next].join(" ")}`;
      checkAssignment(used, ready, present, next, seed);
      assert.deepEqual(assignShards(used, ready, next), next, `${seed} stays`);
      checkChanges(present, next, seed);
      present = next;
    }
  });
});

function randomSlots(random: Random, shards: number): ReadonlySet<number> {
  const alive = random.next();
  const slots = Array.from({ length: shards }, (_, i) => i);
  return new Set(slots.filter(() => random.chance(alive)));
}

function checkAssignment(
  used: ReadonlySet<number>,
  ready: ReadonlySet<number>,
  present: Adoptions,
  next: Adoptions,
  seed: string,
): void {
  const orphans = [...used].filter((shard) => !ready.has(shard));
  assert.deepEqual(
    [...next.keys()].sort(),
    ready.size > 0 ? orphans.sort() : [],
    seed,
  );
  const load = new Map([...ready].map((slot) => [slot, 0]));
  const kept = new Map(load);
  for (const [shard, slot] of next) {
    assert.ok(ready.has(slot), seed);
    const before = present.get(shard);
    if (before !== undefined && ready.has(before)) {
      assert.equal(slot, before, seed);
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

function checkChanges(before: Adoptions, after: Adoptions, seed: string): void {
  const pairs = new Set([...before].map((pair) => pair.join(">")));
  for (const { type, shard, slot } of adoptionChanges(before, after)) {
    const pair = `${shard}>${slot}`;
    assert.equal(pairs.has(pair), type === "release", seed);
    if (type === "adopt") pairs.add(pair);
    else pairs.delete(pair);
  }
  const wanted = [...after].map((pair) => pair.join(">"));
  assert.deepEqual([...pairs].sort(), wanted.sort(), seed);
}
