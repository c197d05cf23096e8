/**
 * When a worker may end connections, and which ones, without a process.
 *
 * Runs once, under vitest: it is arithmetic on a clock of its own.
 */
import assert from "node:assert/strict";
import type { ScoreboardRow } from "../../core/balance/scoreboard.ts";
import {
  createRebalance,
  MOVED_MS,
  type OwnRebalance,
  SETTLE_MS,
} from "../../worker/balance/rebalance.ts";
import type { OtherRow } from "../../worker/balance/scoreboard.ts";
import { rowOf } from "../core/rows.ts";
import { describe, test } from "../harness.ts";

interface Scene {
  readonly rebalance: OwnRebalance;
  now: number;
  open: number;
  others: OtherRow[];
  /** Reads of the scoreboard. */
  reads: number;
}

const other = (seat: number, more: Partial<ScoreboardRow>): OtherRow => ({
  ...rowOf(more),
  seat,
});

/** A worker with 40 connections beside one with 40. */
function scene(): Scene {
  const scene = {
    now: 1_000_000,
    open: 40,
    others: [other(1, { open: 40, accepted: 40 })],
    reads: 0,
  };
  const rebalance: OwnRebalance = createRebalance({
    seat: 0,
    webSockets: false,
    now: () => scene.now,
    own: () => rowOf({ open: scene.open - rebalance.leaving }),
    others() {
      scene.reads++;
      return scene.others;
    },
    taken() {},
  });
  rebalance.look();
  return Object.assign(scene, { rebalance });
}

/** One more worker, which has nothing. */
function grow(scene: Scene): void {
  scene.others = [...scene.others, other(scene.others.length + 1, {})];
  scene.rebalance.look();
}

/** The next look, after so long. */
function pass(scene: Scene, ms: number): void {
  scene.now += ms;
  scene.rebalance.look();
}

describe("a worker beside others", () => {
  test("ends nothing in an even pool, and something in one that has grown", () => {
    const one = scene();
    pass(one, SETTLE_MS);
    assert.equal(one.rebalance.due, 0);
    const since = one.now;
    one.now += 10;
    grow(one);
    assert.equal(one.rebalance.due, 0, "others may come yet");
    pass(one, SETTLE_MS);
    assert.equal(one.rebalance.due, 4);
    assert.equal(one.rebalance.take(since), true);
    assert.deepEqual([one.rebalance.due, one.rebalance.moved], [3, 1]);
  });

  test("waits until nobody comes or goes any more", () => {
    const one = scene();
    for (let i = 0; i < 5; i++) {
      grow(one);
      pass(one, SETTLE_MS - 1);
      assert.equal(one.rebalance.due, 0);
    }
    pass(one, 1);
    assert.ok(one.rebalance.due > 0);
  });

  test("lets a connection go that was there before the change, or is a minute old", () => {
    const one = scene();
    const before = one.now;
    one.now += 5;
    grow(one);
    pass(one, SETTLE_MS);
    const after = one.now;
    assert.equal(one.rebalance.take(after - 1), false);
    assert.equal(one.rebalance.take(before), true);
    pass(one, MOVED_MS - 2);
    assert.equal(one.rebalance.take(after - 1), false);
    pass(one, 1);
    assert.equal(one.rebalance.take(after - 1), true);
  });

  test("counts what is on its way out, until it is gone", () => {
    const one = scene();
    grow(one);
    pass(one, SETTLE_MS);
    while (one.rebalance.take(0));
    // The other one has ended as many.
    one.others[0] = other(1, { open: 36, accepted: 40, moved: 4 });
    pass(one, 100);
    assert.equal(one.rebalance.due, 0, "four are told and still there");
    for (let i = 0; i < 4; i++) one.rebalance.over();
    one.open -= 4;
    pass(one, 100);
    assert.equal(one.rebalance.due, 0, "their clients are on their way");
    one.others[1] = other(2, { open: 8, accepted: 8 });
    pass(one, 100);
    assert.ok(one.rebalance.due > 0);
  });

  test("goes on where one was seen twice for a moment", () => {
    const one = scene();
    // So few that one is all that may be on its way.
    one.open = 7;
    one.others[0] = other(1, { open: 5, accepted: 40 });
    for (let i = 0; i < 3; i++) pass(one, 10_000);
    grow(one);
    pass(one, SETTLE_MS);
    assert.equal(one.rebalance.due, 1);
    assert.equal(one.rebalance.take(0), true);
    pass(one, 10);
    assert.equal(one.rebalance.due, 0, "it is on its way");
    // Its client is back before its connection is gone.
    one.rebalance.over();
    one.others[1] = other(2, { open: 1, accepted: 1 });
    pass(one, 10);
    one.open--;
    pass(one, 10);
    assert.equal(one.rebalance.due, 1);
  });

  test("no client is moved by a second change within a minute of the first", () => {
    const one = scene();
    grow(one);
    pass(one, SETTLE_MS);
    assert.equal(one.rebalance.take(0), true);
    const moved = one.now;
    pass(one, 30_000);
    // Somebody moved one to this worker meanwhile.
    grow(one);
    pass(one, SETTLE_MS);
    assert.equal(one.rebalance.take(moved + 1), false);
    assert.equal(one.rebalance.take(0), true, "those from before go on");
    pass(one, MOVED_MS);
    const quiet = one.now;
    one.now += 1;
    grow(one);
    pass(one, SETTLE_MS);
    assert.equal(one.rebalance.take(quiet), true);
  });

  test("hears of moves by others", () => {
    const one = scene();
    pass(one, MOVED_MS);
    const opened = one.now;
    one.others[0] = other(1, { open: 40, accepted: 40, moved: 1 });
    pass(one, 1);
    grow(one);
    pass(one, SETTLE_MS);
    assert.equal(one.rebalance.take(opened), false);
    assert.equal(one.rebalance.take(opened - MOVED_MS - 1), true);
  });

  test("sees that a worker was replaced on the same seat", () => {
    const one = scene();
    pass(one, MOVED_MS);
    const opened = one.now;
    one.others[0] = other(1, {});
    pass(one, 1);
    pass(one, SETTLE_MS);
    assert.equal(one.rebalance.take(opened), true);
  });

  test("looks anew before it ends one where nobody has looked for long", () => {
    const one = scene();
    grow(one);
    pass(one, SETTLE_MS);
    assert.ok(one.rebalance.due > 0);
    const { reads } = one;
    assert.equal(one.rebalance.take(one.now), false);
    assert.equal(one.reads, reads);
    one.now += 5000;
    one.others[1] = other(2, { open: 40, accepted: 40 });
    assert.equal(one.rebalance.take(0), false);
    assert.equal(one.reads, reads + 1);
  });

  test("ends none after it rests, until it has looked", () => {
    const one = scene();
    grow(one);
    pass(one, SETTLE_MS);
    one.rebalance.rest();
    assert.equal(one.rebalance.take(0), false);
    one.rebalance.look();
    assert.equal(one.rebalance.take(0), true);
  });
});
