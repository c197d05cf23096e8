import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { checkRecycle, drawLimits } from "../../core/options/recycle.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage, stage } from "./world.ts";

const HOUR = 3_600_000;

const alive = (world: MemoryWorld): string =>
  world.alive.map(({ env }) => env["PREFORK_SLOT"]).join(",");

/** Whoever was told to leave does. */
async function leave(world: MemoryWorld): Promise<void> {
  for (const one of world.alive) if (one.wasTold("drain")) one.exit();
  await settle();
}

async function aged(options: Partial<PoolOptions> = {}): Promise<Stage> {
  const stage = await running({ workers: 2, maxAge: HOUR, ...options });
  stage.world.advance(HOUR - 1);
  await settle();
  assert.equal(stage.world.processes.length, options.workers ?? 2);
  return stage;
}

describe("recycling", () => {
  test("after its age a worker is replaced, one after the other", async () => {
    const { world, pool, all } = await aged();
    world.advance(1);
    await settle();
    assert.equal(alive(world), "0,1,0");
    assert.equal(world.processes[0]!.wasTold("drain"), true);
    assert.equal(world.processes[1]!.wasTold("drain"), false);
    await leave(world);
    assert.equal(alive(world), "1,0,1");
    await leave(world);
    assert.deepEqual(
      all("worker-recycling").map(({ slot, why }) => `${slot} ${why}`),
      [0, 1].map((slot) =>
        `${slot} it has been ready for 3600000 ms, its limit`
      ),
    );
    assert.deepEqual(
      all("worker-exited").map(({ reason }) => reason),
      ["recycled", "recycled"],
    );
    assert.equal(all("worker-respawning").length, 0);
    assert.equal(pool.status().generation, 1);
    assert.equal(pool.status().ready, 2);
  });

  test("its successor is ready before it is told to leave", async () => {
    const { world } = await aged({ workers: 1 });
    world.onSpawn = () => {};
    world.advance(1);
    await settle();
    const [old, next] = world.processes;
    assert.equal(old!.wasTold("drain"), false);
    next!.getReady();
    await settle();
    assert.equal(old!.wasTold("drain"), true);
  });

  test("without a surge it leaves first, but never the only one", async () => {
    const inPlace = { maxSurge: 0, maxUnavailable: "100%" } as const;
    const { world, pool } = await aged(inPlace);
    world.onSpawn = () => {};
    world.advance(1);
    await settle();
    assert.equal(alive(world), "0,1");
    await leave(world);
    assert.equal(alive(world), "1,0");
    assert.equal(world.processes[1]!.wasTold("drain"), false);
    assert.equal(pool.status().ready, 1);
    world.processes[2]!.getReady();
    await settle();
    assert.equal(world.processes[1]!.wasTold("drain"), true);
  });

  test("a pool of one without a surge says that it never will be", async () => {
    const alone = { workers: 1, maxSurge: 0, maxUnavailable: 1 };
    const { world, all } = await aged(alone);
    assert.match(all("warning")[0]!.message, /the only worker is never/);
    world.advance(HOUR);
    await settle();
    assert.equal(world.processes.length, 1);
  });

  test("stands still during a reload, which replaces everybody anyhow", async () => {
    const { world, pool, all } = await aged();
    const reload = pool.reload();
    await settle();
    world.advance(999);
    await settle();
    assert.equal(alive(world), "0,1,0");
    world.advance(1);
    await settle();
    await leave(world);
    await leave(world);
    await reload;
    assert.equal(all("worker-recycling").length, 0);
    assert.equal(world.processes.length, 4);
  });

  test("stands still while a slot waits after crashes", async () => {
    const { world } = await aged();
    world.onSpawn = () => {};
    world.processes[1]!.exit({ code: 1 });
    await settle();
    world.alive[1]!.exit({ code: 1 });
    await settle();
    world.advance(1);
    await settle();
    assert.equal(alive(world), "0");
    world.advance(200);
    await settle();
    assert.equal(alive(world), "0,1");
    world.alive[1]!.getReady();
    await settle();
    assert.equal(alive(world), "0,1,0");
  });

  test("a successor that does not boot is tried again, later each time", async () => {
    const { world, all } = await aged({ workers: 1 });
    world.onSpawn = (process) =>
      queueMicrotask(() => process.exit({ code: 1 }));
    world.advance(1);
    await settle();
    assert.deepEqual(
      all("worker-respawning").map(({ delay }) => delay),
      [0, 100],
    );
    assert.equal(alive(world), "0");
    assert.equal(world.processes[0]!.wasTold("drain"), false);
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    world.advance(100);
    await settle();
    assert.equal(world.processes[0]!.wasTold("drain"), true);
  });
});

describe("by requests", () => {
  test("a worker is told its limit, and replaced when it says that it is spent", async () => {
    const { world, all } = await running({
      workers: 2,
      maxRequests: 1_000,
      recycleJitter: 0,
    });
    const [first] = world.processes;
    assert.equal(first!.env["PREFORK_MAX_REQUESTS"], "1000");
    first!.say({ type: "spent", count: 1_000 });
    await settle();
    assert.deepEqual(
      all("worker-recycling").map(({ slot, why }) => `${slot} ${why}`),
      ["0 it has begun 1000 requests, its limit"],
    );
    assert.equal(first!.wasTold("drain"), true);
    await leave(world);
    assert.equal(alive(world), "1,0");
  });

  test("one that lies is not", async () => {
    for (const maxRequests of [undefined, 1_000]) {
      const { world, all } = await running(maxRequests ? { maxRequests } : {});
      world.processes[0]!.say({ type: "spent", count: 5 });
      await settle();
      assert.equal(world.processes.length, 2);
      assert.match(all("worker-noise")[0]!.problem, /spent too soon/);
    }
  });

  test("programs in other languages count themselves or not at all", async () => {
    const { world, pool, all } = stage({
      maxRequests: 5,
      program: "/bin/app",
      runtime: "exec",
      soak: 0,
    });
    const started = pool.start();
    await settle();
    world.advance(0);
    await started;
    await settle();
    assert.match(
      all("warning").map(({ message }) => message).join(),
      /only if it says "spent"/,
    );
  });
});

describe("by memory", () => {
  test("a worker that holds too much is replaced, and says how much", async () => {
    const { world, all } = await running({ maxRss: 100 * 2 ** 20 });
    const [first, second] = world.processes;
    world.rss.set(first!.pid, 100 * 2 ** 20).set(second!.pid, 150 * 2 ** 20);
    world.advance(5_000);
    await settle();
    assert.equal(first!.wasTold("drain"), false);
    assert.equal(second!.wasTold("drain"), true);
    assert.deepEqual(
      all("worker-recycling").map(({ why }) => why),
      ["it holds 150.0 MiB, its limit is 100.0 MiB"],
    );
  });

  test("growth counts from when it was warm", async () => {
    const { world, all } = await running({
      workers: 1,
      maxRssGrowth: 50 * 2 ** 20,
    });
    const { pid } = world.processes[0]!;
    for (const mib of [20, 100, 150, 151]) {
      assert.equal(world.processes.length, 1);
      world.rss.set(pid, mib * 2 ** 20);
      world.advance(5_000);
      await settle();
    }
    assert.deepEqual(
      all("worker-recycling").map(({ why }) => why),
      ["it has grown by 51.0 MiB to 151.0 MiB, its limit is 50.0 MiB"],
    );
  });

  test("where it cannot be known, a line says so", async () => {
    const world = new MemoryWorld();
    world.rss.clear();
    const { all } = await running({ maxRss: 1 }, world);
    assert.match(all("warning")[0]!.message, /cannot read VmRSS/);
  });
});

describe("limits", () => {
  test("each worker draws its own, never beyond what was given", () => {
    const config = checkRecycle({ maxAge: 1_000, recycleJitter: 0.2 });
    assert.equal(drawLimits(config, () => 0).maxAge, 1_000);
    assert.equal(drawLimits(config, () => 0.5).maxAge, 900);
    assert.equal(drawLimits(config, () => 0.999_999).maxAge, 800);
    assert.equal(drawLimits(config, () => 0).maxRss, undefined);
  });
  for (const bad of [0, -1, NaN, Infinity, "5", null]) {
    test(`${JSON.stringify(bad)}, a ${typeof bad}, is none`, () => {
      for (const name of ["maxRequests", "maxAge", "maxRss", "maxRssGrowth"]) {
        assert.throws(() => checkRecycle({ [name]: bad }), {
          name: "RangeError",
          message: new RegExp(`"${name}": it must be a number of`),
        });
      }
    });
  }
  for (const bad of [-0.1, 1.1, "10%", NaN]) {
    test(`${bad} is refused as jitter`, () => {
      assert.throws(() => checkRecycle({ recycleJitter: bad }), RangeError);
    });
  }
});
