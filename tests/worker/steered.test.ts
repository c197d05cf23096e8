/**
 * Runs once, under bun: it is arithmetic on an array.
 */
import assert from "node:assert/strict";
import {
  clockUnits,
  loadIn,
  STEER_ROW_BYTES,
  steerTable,
} from "../../core/steer/table.ts";
import { createBalancer } from "../../worker/balance/balancer.ts";
import { createSteered, type Holding } from "../../worker/balance/steered.ts";
import { describe, test } from "../harness.ts";

function scene() {
  const table = steerTable(new ArrayBuffer(2 * STEER_ROW_BYTES));
  const world = { slot: 1, queued: 0, now: 1000 };
  const steered = createSteered({
    table,
    writer: 7,
    slot: () => world.slot,
    queued: () => world.queued,
    now: () => world.now,
  });
  table.set(1, "owner", 7);
  const assign = (count: number): void =>
    table.set(1, "assigned", table.get(1, "assigned") + count);
  return { table, steered, world, assign, load: () => loadIn(table, 1) };
}

describe("a worker that tells the kernel what it holds", () => {
  test("has finished what has ended, and not what is on its way", () => {
    const { steered, assign, load } = scene();
    assign(10);
    steered.write({ held: 4, came: 4, asked: undefined });
    assert.equal(load(), 10);
    steered.write({ held: 7, came: 10, asked: undefined });
    assert.equal(load(), 7);
    steered.write({ held: 5, came: 10, asked: undefined });
    assert.equal(load(), 5);
  });

  test("says since when it is in a callback, in its own row alone", () => {
    const { steered, table, world, load } = scene();
    const loadAt = (ms: number) => loadIn(table, 1, clockUnits(ms));
    steered.begin();
    assert.deepEqual([load(), loadAt(1000), loadAt(1000.5)], [0, 0, 0]);
    assert.deepEqual([loadAt(1002), loadAt(5000)], [2, 2]);
    world.now = 1008;
    steered.begin();
    assert.equal(loadAt(1008), 0);
    table.set(1, "owner", 8);
    steered.turn();
    assert.equal(loadAt(1010), 2);
    table.set(1, "owner", 7);
    steered.turn();
    assert.equal(loadAt(1010), 0);
  });

  test("has finished what came and went unseen, but has asked", () => {
    const { steered, assign, load } = scene();
    assign(10);
    steered.write({ held: 4, came: 4, asked: 9 });
    assert.equal(load(), 5);
  });

  test("has finished nothing of a burst, however long its handshakes take", () => {
    const { steered, assign, load, world } = scene();
    assign(600);
    steered.write({ held: 50, came: 50, asked: 1 });
    assign(25);
    steered.write({ held: 400, came: 400, asked: 300 });
    world.queued = 25;
    steered.write({ held: 600, came: 600, asked: 500 });
    assert.equal(load(), 625);
    world.queued = 0;
    // They ask what they have not asked yet, and one of them is over.
    steered.write({ held: 624, came: 625, asked: 625 });
    assert.equal(load(), 624);
    steered.write({ held: 624, came: 625, asked: 700 });
    assert.equal(load(), 624);
  });

  test("forgets what never came, after some looks", () => {
    const { steered, assign, load, world } = scene();
    assign(10);
    world.queued = 1;
    for (let i = 0; i < 9; i++) {
      steered.settle({ held: 4, came: 4, asked: undefined });
    }
    assert.equal(load(), 10);
    steered.settle({ held: 4, came: 4, asked: undefined });
    assert.equal(load(), 5);
  });

  test("forgets nothing that came between two looks", () => {
    const { steered, assign, load } = scene();
    assign(10);
    for (let i = 0; i < 9; i++) {
      steered.settle({ held: 4, came: 4, asked: undefined });
    }
    steered.settle({ held: 10, came: 10, asked: undefined });
    assert.equal(load(), 10);
  });

  test("writes nothing into a row that is another one's", () => {
    const { steered, table, assign, load } = scene();
    table.set(1, "owner", 8);
    assign(10);
    steered.lean(5);
    steered.full(true);
    for (let i = 0; i < 20; i++) {
      steered.settle({ held: 0, came: 10, asked: undefined });
    }
    assert.deepEqual([load(), table.get(1, "full")], [10, 0]);
    steered.announce();
    assert.equal(table.get(1, "writer"), 7);
    // What has ended before it was its own is no part of it.
    table.set(1, "owner", 7);
    steered.write({ held: 2, came: 12, asked: undefined });
    assert.deepEqual([load(), table.get(1, "full")], [15, 1]);
  });

  test("takes none while it is full, and follows its slot", () => {
    const { steered, table, world } = scene();
    steered.full(true);
    assert.equal(table.get(1, "full"), 1);
    world.slot = 0;
    table.set(0, "owner", 7);
    steered.full(false);
    assert.deepEqual([table.get(0, "full"), table.get(1, "full")], [0, 1]);
  });
});

test("a worker that is told how connections end looks for none itself", () => {
  const written: Holding[] = [];
  let looks = 0;
  let open = 0;
  const balancer = createBalancer(
    { fd: 3, seat: 0, weight: 1, passes: false },
    { count: undefined },
    {
      scoreboard: { write: () => {}, others: () => [] },
      utilisation: () => 0,
      now: () => 0,
      date: () => 0,
      every: () => {},
      after: () => void looks++,
      atExit: () => {},
      steered: {
        ...scene().steered,
        write: (holding) => void written.push(holding),
      },
    },
  );
  balancer.count(() => open);
  open = 1;
  balancer.accepted(1, true);
  open = 0;
  balancer.ended();
  const at = { held: 0, came: 1, asked: undefined };
  assert.deepEqual([written.at(-1), looks], [at, 0]);
  // It is counted a moment longer than its socket is there.
  open = 1;
  balancer.accepted(1, true);
  balancer.ended();
  assert.equal(looks, 1);
});
