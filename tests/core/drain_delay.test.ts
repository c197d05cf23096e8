import assert from "node:assert/strict";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage, stage } from "./world.ts";

const delayed = (): Promise<Stage> =>
  running({ signals: true, drainDelay: 5_000 });

const drains = ({ world }: Stage): boolean[] =>
  world.alive.map((one) => one.wasTold("drain"));

describe("the delay of a drain", () => {
  test("workers accept on and are replaced, the status says stopping at once", async () => {
    const made = await delayed();
    const { world, pool, all } = made;
    world.signal("SIGTERM");
    assert.equal(pool.status().state, "stopping");
    world.processes[0]!.exit({ code: 1 });
    await settle();
    assert.equal(pool.status().ready, 2);
    world.advance(4_999);
    assert.deepEqual(drains(made), [false, false]);
    world.advance(1);
    assert.deepEqual(drains(made), [true, true]);
    for (const process of world.alive) process.exit();
    await settle();
    assert.equal(pool.status().state, "stopped");
    assert.deepEqual(all("stopping"), [
      { type: "stopping", quick: false, delay: 5_000 },
      { type: "stopping", quick: false },
    ]);
  });

  test("is over at a second SIGTERM, which one that comes twice is not", async () => {
    const made = await delayed();
    const { world } = made;
    world.signal("SIGTERM");
    world.signal("SIGTERM");
    assert.deepEqual(drains(made), [false, false]);
    world.advance(250);
    world.signal("SIGTERM");
    assert.deepEqual(drains(made), [true, true]);
  });

  test("is over at a SIGINT, which then is the first one", async () => {
    const made = await delayed();
    const { world } = made;
    world.signal("SIGTERM");
    world.signal("SIGINT");
    assert.deepEqual(drains(made), [true, true]);
  });

  test("a quick stop knows none, nor does SIGINT alone", async () => {
    const quick = await delayed();
    quick.world.signal("SIGTERM");
    quick.pool.stop({ quick: true });
    assert.equal(quick.world.alive.length, 0);
    const interrupted = await delayed();
    interrupted.world.signal("SIGINT");
    assert.deepEqual(drains(interrupted), [true, true]);
  });

  test("stop() again does not end it, stop({ delay: false }) does", async () => {
    const made = await delayed();
    const { pool } = made;
    pool.stop();
    pool.stop();
    assert.deepEqual(drains(made), [false, false]);
    assert.throws(() => pool.scale(3), /it is stopping/);
    pool.stop({ delay: false });
    assert.deepEqual(drains(made), [true, true]);
  });

  test("there is none before every worker was ready", async () => {
    const made = stage({ signals: true, drainDelay: 5_000 });
    const start = made.pool.start();
    await settle();
    made.world.signal("SIGTERM");
    for (const process of made.world.processes) process.exit({ code: 143 });
    await assert.rejects(start, { code: "ERR_STATE" });
    assert.equal(made.pool.status().state, "stopped");
  });
});
