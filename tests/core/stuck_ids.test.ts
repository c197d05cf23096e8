import assert from "node:assert/strict";
import { MAX_ID, StuckIds } from "../../core/handoff/stuck_ids.ts";
import { describe, test } from "../harness.ts";

describe("ids that workers claim", () => {
  test("the last one to claim an id has it", () => {
    const ids = new StuckIds<string>();
    ids.add("x", "a");
    ids.add("x", "b");
    assert.deepEqual([ids.owner("x"), ids.owner("y")], ["b", undefined]);
    assert.equal(ids.size, 1);
  });

  test("those not heard of for longest are forgotten", () => {
    const ids = new StuckIds<string>(3);
    for (const id of ["1", "2", "3"]) ids.add(id, "a");
    ids.owner("1");
    ids.add("2", "a");
    ids.add("4", "a");
    assert.deepEqual(["1", "2", "3", "4"].map((id) => ids.owner(id)), [
      ...["a", "a", undefined, "a"],
    ]);
    assert.equal(ids.size, 3);
  });

  test("a worker that is gone has none", () => {
    const ids = new StuckIds<string>();
    for (let i = 0; i < 10; i++) ids.add(`${i}`, i % 2 === 0 ? "a" : "b");
    ids.drop("a");
    assert.deepEqual([ids.size, ids.owner("0"), ids.owner("1")], [
      ...[5, undefined, "b"],
    ]);
  });

  test("an id that is too long is not kept", () => {
    const ids = new StuckIds<string>();
    ids.add("x".repeat(MAX_ID), "a");
    ids.add("y".repeat(MAX_ID + 1), "a");
    assert.equal(ids.size, 1);
  });
});
