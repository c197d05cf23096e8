import assert from "node:assert/strict";
import { describe, test } from "../harness.ts";
import { running, settle } from "./world.ts";

describe("scale", () => {
  test("up fills new slots, ready() waits for them", async () => {
    const { world, pool } = await running();
    world.onSpawn = () => {};
    pool.scale(4);
    let ready = false;
    const waiting = pool.ready().then(() => ready = true);
    await settle();
    assert.equal(ready, false);
    assert.deepEqual(
      world.alive.map(({ env }) => env["PREFORK_SLOT"]),
      ["0", "1", "2", "3"],
    );
    world.processes[2]!.getReady();
    world.processes[3]!.getReady();
    await waiting;
  });

  test("up and down again, ready() waits for nobody who is not wanted", async () => {
    for (const fewer of [2, 1, 0]) {
      const { world, pool } = await running();
      world.onSpawn = () => {};
      pool.scale(3);
      const waiting = pool.ready();
      pool.scale(fewer);
      await waiting;
    }
  });

  test("down drains the highest slots", async () => {
    const { world, pool } = await running({ workers: 3 });
    pool.scale(1);
    assert.deepEqual(
      world.processes.map((process) => process.wasTold("drain")),
      [false, true, true],
    );
    world.processes[1]!.exit();
    world.processes[2]!.exit({ code: 1 });
    await settle();
    assert.equal(world.processes.length, 3);
    assert.equal(pool.status().workers.length, 1);
  });

  test("up again while the slot still drains starts a new worker beside it", async () => {
    const { world, pool } = await running();
    pool.scale(1);
    pool.scale(2);
    await settle();
    assert.equal(world.alive.length, 3);
    world.processes[1]!.exit();
    await settle();
    assert.equal(pool.status().ready, 2);
  });

  for (const workers of [-1, 1.5, 9, NaN]) {
    test(`to ${workers} is refused and changes nothing`, async () => {
      const { pool } = await running({ maxWorkers: 8 });
      assert.throws(() => pool.scale(workers), RangeError);
      assert.equal(pool.status().wanted, 2);
    });
  }
});

describe("sharded", () => {
  const told = (heard: readonly unknown[]) =>
    heard.map((message) => {
      const { type, shard } = message as { type: string; shard?: number };
      return shard === undefined ? type : `${type} ${shard}`;
    });

  test("binds a socket for every worker there can be", async () => {
    const { world } = await running({ share: "sharded", maxWorkers: 5 });
    assert.equal(world.bound.get("127.0.0.1:8080")!.length, 5);
    assert.equal(world.processes[0]!.plan.inherits.length, 5);
  });

  test("a second pool on the same address is refused", async () => {
    const first = await running({ share: "sharded" });
    await assert.rejects(running({ share: "sharded" }, first.world), {
      code: "ERR_BIND",
    });
  });

  test("a pool that does not listen yet has the address too", async () => {
    const first = await running({ share: "sharded" });
    // As in a kernel where nobody listens: the ordinary bind succeeds.
    first.world.bound.delete("127.0.0.1:8080");
    await assert.rejects(running({ share: "sharded" }, first.world), {
      code: "ERR_BIND",
      message: /another pool has it/,
    });
  });

  test("a dead worker's shard is adopted, and given back", async () => {
    const { world, all } = await running({ share: "sharded", workers: 3 });
    world.onSpawn = () => {};
    world.processes[1]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(told(world.processes[0]!.heard), ["adopt 1"]);
    world.processes[3]!.getReady();
    await settle();
    assert.deepEqual(told(world.processes[0]!.heard), ["adopt 1", "release 1"]);
    assert.equal(all("shard-released").length, 1);
  });

  test("when the adopter dies too, another one adopts both", async () => {
    const { world } = await running({ share: "sharded", workers: 3 });
    world.onSpawn = () => {};
    world.processes[1]!.exit({ code: 1 });
    world.processes[0]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(told(world.processes[2]!.heard).sort(), [
      "adopt 0",
      "adopt 1",
    ]);
  });

  test("a shard is adopted for good when its slot is scaled away", async () => {
    const { world, pool } = await running({ share: "sharded", workers: 2 });
    pool.scale(1);
    await settle();
    assert.deepEqual(told(world.processes[0]!.heard), ["adopt 1"]);
    world.processes[1]!.exit();
    await settle();
    assert.deepEqual(told(world.processes[0]!.heard), ["adopt 1"]);
  });

  test("a reload hands every shard from the old to the new worker", async () => {
    const { world, pool } = await running({
      share: "sharded",
      workers: 2,
      soak: 0,
    });
    const reload = pool.reload();
    for (let i = 0; i < 2; i++) {
      await settle();
      world.processes[i]!.exit();
    }
    await reload;
    assert.deepEqual(
      world.processes.flatMap(({ heard }) => told(heard)),
      ["drain", "drain"],
    );
  });

  test("the adopter's successor is told too", async () => {
    const { world, pool } = await running({
      share: "sharded",
      workers: 2,
      soak: 0,
    });
    pool.scale(1);
    await settle();
    world.processes[1]!.exit();
    const reload = pool.reload();
    await settle();
    world.processes[0]!.exit();
    await reload;
    assert.deepEqual(told(world.processes[2]!.heard), ["adopt 1"]);
  });
});
