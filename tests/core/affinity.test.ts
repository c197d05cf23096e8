import assert from "node:assert/strict";
import { rendezvous, StickTable } from "../../core/handoff/affinity.ts";
import { MAX_ID } from "../../core/protocol.ts";
import { describe, test } from "../harness.ts";
import { forSeeds } from "../random.ts";

describe("ids that workers claim", () => {
  test("the last one to claim an id has it", () => {
    const ids = new StickTable<string>();
    ids.add("x", "a");
    ids.add("x", "b");
    assert.deepEqual([ids.owner("x"), ids.owner("y")], ["b", undefined]);
    assert.equal(ids.size, 1);
  });

  test("those not heard of for longest are forgotten", () => {
    const ids = new StickTable<string>(3);
    for (const id of ["1", "2", "3"]) ids.add(id, "a");
    ids.owner("1");
    ids.add("2", "a");
    ids.add("4", "a");
    assert.deepEqual(["1", "2", "3", "4"].map((id) => ids.owner(id)), [
      ...["a", "a", undefined, "a"],
    ]);
    assert.equal(ids.size, 3);
  });

  test("whoever floods the memory washes out its own", () => {
    const ids = new StickTable<string>(100);
    for (let i = 0; i < 40; i++) ids.add(`a${i}`, "a");
    for (let i = 0; i < 1000; i++) ids.add(`b${i}`, "b");
    assert.equal(ids.size, 100);
    assert.equal(ids.owner("a0"), "a");
    assert.deepEqual([ids.owner("b939"), ids.owner("b940")], [undefined, "b"]);
    ids.drop("b");
    assert.equal(ids.size, 40);
  });

  test("a worker that is gone has none", () => {
    const ids = new StickTable<string>();
    for (let i = 0; i < 10; i++) ids.add(`${i}`, i % 2 === 0 ? "a" : "b");
    ids.drop("a");
    assert.deepEqual([ids.size, ids.owner("0"), ids.owner("1")], [
      ...[5, undefined, "b"],
    ]);
  });

  test("an id that is too long is not kept", () => {
    const ids = new StickTable<string>();
    ids.add("x".repeat(MAX_ID), "a");
    ids.add("y".repeat(MAX_ID + 1), "a");
    assert.equal(ids.size, 1);
  });
});

const COUNT = 20_000;
const slots = (count: number): number[] => [...Array(count).keys()];

/** Kinds of keys as clients have them, alike and in a row. */
const KEYS: Readonly<Record<string, (i: number) => string>> = {
  "IPv4 addresses": (i) => `10.1.${i >> 8}.${i & 255}`,
  "IPv6 addresses": (i) => `2001:db8:0:0:0:0:0:${i.toString(16)}`,
  numbers: String,
  "session ids": (i) => `s%3A${(i * 7919).toString(36)}AAAAAAAAAAAAAAAA`,
};

describe("rendezvous hashing", () => {
  test("has no slot for a key where there is none", () => {
    assert.equal(rendezvous("a", []), undefined);
    assert.equal(rendezvous("a", [7]), 7);
  });

  for (const [kind, key] of Object.entries(KEYS)) {
    for (const count of [2, 4, 7, 16]) {
      test(`spreads ${kind} evenly over ${count} slots`, () => {
        const got = new Map<number, number>();
        for (let i = 0; i < COUNT; i++) {
          const slot = rendezvous(key(i), slots(count))!;
          got.set(slot, (got.get(slot) ?? 0) + 1);
        }
        const fair = COUNT / count;
        // More than five standard deviations of a binomial distribution.
        const slack = 5.5 * Math.sqrt(fair);
        for (const slot of slots(count)) {
          const off = Math.abs((got.get(slot) ?? 0) - fair);
          assert.ok(off < slack, `slot ${slot} has ${got.get(slot)}`);
        }
      });
    }

    test(`a slot that leaves moves only its own ${kind}`, () => {
      const left = slots(8).filter((slot) => slot !== 3);
      const moved = new Map<number, number>();
      for (let i = 0; i < COUNT; i++) {
        const before = rendezvous(key(i), slots(8))!;
        const after = rendezvous(key(i), left)!;
        if (before !== 3) assert.equal(after, before, key(i));
        else moved.set(after, (moved.get(after) ?? 0) + 1);
      }
      // What it had goes to all others and not to one neighbour.
      const fair = COUNT / 8 / 7;
      for (const slot of left) {
        const off = Math.abs((moved.get(slot) ?? 0) - fair);
        assert.ok(off < 5.5 * Math.sqrt(fair), `slot ${slot}`);
      }
    });
  }

  test("the order of the slots does not matter", () => {
    forSeeds(200, (random) => {
      const some = slots(12).filter(() => random.chance(0.6));
      const key = String(random.whole(0, 1e9));
      assert.equal(
        rendezvous(key, some),
        rendezvous(key, some.toReversed()),
      );
    });
  });
});
