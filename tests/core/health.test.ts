import assert from "node:assert/strict";
import { Intensity } from "../../core/supervise/intensity.ts";
import { usualIntensity } from "../../core/options/restart.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage } from "./world.ts";

const TROUBLE = ["pool-degraded", "pool-down", "pool-recovered"];

/** What a pool has told of its health. */
function told({ events }: Stage): unknown[] {
  return events.filter(({ type }) => TROUBLE.includes(type));
}

/** A worker of a slot ends. */
function crash({ world }: Stage, slot: number): void {
  world.alive.find(({ env }) => env["PREFORK_SLOT"] === String(slot))!
    .exit({ code: 1 });
}

describe("health", () => {
  test("a worker that comes back in time is no trouble", async () => {
    const made = await running();
    const { world } = made;
    for (let i = 0; i < 5; i++) {
      crash(made, 0);
      world.advance(1_000);
      await settle();
    }
    world.advance(60_000);
    await settle();
    assert.equal(made.pool.status().state, "running");
    assert.deepEqual(told(made), []);
  });

  test("a slot without a worker for 5 s is degraded, once, until it has had one for 10 s", async () => {
    const made = await running();
    const { world, pool } = made;
    world.onSpawn = () => {};
    crash(made, 1);
    world.advance(4_999);
    await settle();
    assert.equal(pool.status().state, "running");
    world.advance(1);
    await settle();
    assert.equal(pool.status().state, "degraded");
    const reason = "slot 1: it exited with code 1 right after it was ready";
    assert.deepEqual(told(made), [
      { type: "pool-degraded", ready: 1, wanted: 2, reason },
    ]);
    crash(made, 1);
    world.advance(100);
    world.alive.at(-1)!.getReady();
    world.advance(9_999);
    await settle();
    assert.equal(pool.status().state, "degraded");
    world.advance(1);
    await settle();
    assert.equal(pool.status().state, "running");
    assert.deepEqual(told(made).slice(1), [
      { type: "pool-recovered", workers: 2, ms: 10_100 },
    ]);
  });

  test("more restarts than the intensity are too many, also of a worker that is ready in between", async () => {
    const made = await running({ restarts: { intensity: 2 } });
    const { world, pool } = made;
    for (let i = 0; i < 5; i++) {
      crash(made, 0);
      world.advance(1_000);
      await settle();
    }
    assert.equal(pool.status().state, "degraded");
    assert.deepEqual(told(made), [{
      type: "pool-degraded",
      ready: 1,
      wanted: 2,
      reason:
        "3 restarts in 60 s, the last in slot 0: it exited with code 1 right after it was ready",
    }]);
    world.advance(10_000);
    await settle();
    assert.equal(pool.status().state, "running");
  });

  test("with none it is down, said once while they come and go", async () => {
    const made = await running({ workers: 1, restarts: { intensity: 1 } });
    const { world, pool } = made;
    for (let i = 0; i < 4; i++) {
      crash(made, 0);
      if (i > 0) assert.equal(pool.status().state, i > 0 ? "down" : "running");
      world.advance(500);
      await settle();
    }
    assert.equal(pool.status().state, "degraded");
    assert.deepEqual(told(made).map((one) => (one as { type: string }).type), [
      "pool-down",
    ]);
    world.advance(10_000);
    await settle();
    assert.equal(pool.status().state, "running");
  });

  test("it is told of a release that a reload could not replace, too", async () => {
    const made = await running({ workers: 1, soak: 0 });
    const { world, pool } = made;
    world.onSpawn = (process) =>
      queueMicrotask(() => process.exit({ code: 1 }));
    await assert.rejects(pool.reload(), { code: "ERR_RELOAD" });
    crash(made, 0);
    world.advance(5_000);
    await settle();
    world.advance(5_000);
    await settle();
    assert.equal(pool.status().state, "down");
    assert.equal(told(made).length, 1);
  });

  test("nobody is missed whom nobody wants", async () => {
    const made = await running({ restarts: { intensity: 0 } });
    const { world, pool } = made;
    world.onSpawn = () => {};
    crash(made, 1);
    await settle();
    assert.equal(pool.status().state, "degraded");
    pool.scale(1);
    await settle();
    world.alive.at(-1)!.exit();
    world.advance(10_000);
    await settle();
    assert.equal(pool.status().state, "running");
    crash(made, 0);
    await settle();
    assert.equal(pool.status().state, "down");
    pool.scale(0);
    await settle();
    assert.equal(pool.status().state, "drained");
  });
});

test("the intensity counts what is within the period, however much there was", () => {
  const restarts = new Intensity(1_000);
  for (let at = 0; at < 5_000; at++) restarts.count(at);
  assert.equal(restarts.within(4_999), 1_000);
  assert.equal(restarts.within(5_499), 500);
  assert.equal(restarts.within(9_000), 0);
});

test("the intensity unless given grows with the pool", () => {
  assert.deepEqual([1, 2, 3, 64].map(usualIntensity), [5, 5, 6, 128]);
});
