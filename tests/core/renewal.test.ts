/** A reload with other options. */
import assert from "node:assert/strict";
import type { PoolOptions } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage } from "./world.ts";

const OLD: PoolOptions = {
  program: "app.js",
  listen: "127.0.0.1:8080",
  workers: 1,
  hangTimeout: 0,
  probation: 0,
  soak: 0,
  rollback: "none",
  env: { WHO: "old" },
};

/** A pool, and how it is reloaded with other options; workers get ready. */
async function made(more: Partial<PoolOptions> = {}): Promise<
  Stage & { reload(options: Partial<PoolOptions>): Promise<void> }
> {
  const options = { ...OLD, ...more };
  const stage = await running(options);
  const { world, pool } = stage;
  return {
    ...stage,
    async reload(next) {
      const done = pool.reload({ options: { ...options, ...next } });
      done.catch(() => {});
      await drained(stage);
      await done;
      await settle();
    },
  };

  /** Old workers leave as they are asked to. */
  async function drained({ pool }: Stage): Promise<void> {
    for (let i = 0; i < 8; i++) {
      await settle();
      for (const process of world.alive) {
        if (process.wasTold("drain")) process.exit();
      }
    }
    assert.notEqual(pool.status().state, "reloading");
  }
}

const whoOf = ({ world }: Stage): unknown[] =>
  world.alive.map(({ env }) => env["WHO"]);

describe("options of a reload", () => {
  test("are those of its workers, and of whoever follows them", async () => {
    const stage = await made();
    const { world, all } = stage;
    await stage.reload({
      env: { WHO: "new" },
      args: ["--new"],
      startTimeout: 5_000,
    });
    assert.deepEqual(whoOf(stage), ["new"]);
    assert.equal(world.alive[0]!.plan.command.at(-1), "--new");
    assert.deepEqual(all("reload-started"), [{
      type: "reload-started",
      generation: 2,
      options: "args,env,startTimeout",
    }]);
    world.alive[0]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(whoOf(stage), ["new"]);
    assert.deepEqual(all("warning"), []);
  });

  test("do not count where it fails", async () => {
    const stage = await made({ workers: 2, rollback: "park" });
    const { world, pool } = stage;
    world.onSpawn = () => {};
    const done = pool.reload({
      options: { ...OLD, workers: 3, env: { WHO: "new" }, grace: 7 },
    });
    done.catch(() => {});
    await settle();
    assert.deepEqual(whoOf(stage), ["old", "old", "new"]);
    world.alive[2]!.exit({ code: 1 });
    await assert.rejects(done, { code: "ERR_RELOAD" });
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    for (const each of world.alive) each.exit({ code: 1 });
    await settle();
    assert.deepEqual(whoOf(stage), ["old", "old"]);
    assert.equal(pool.status().wanted, 2);
  });

  test("may say how many workers there are, unless a user has said so since", async () => {
    const stage = await made();
    const { pool, all } = stage;
    await stage.reload({ workers: 3 });
    assert.equal(pool.status().wanted, 3);
    pool.scale(2);
    await settle();
    await stage.reload({ workers: 3 });
    assert.equal(pool.status().wanted, 2);
    await stage.reload({ workers: 99 });
    assert.equal(pool.status().wanted, 2);
    assert.match(
      all("warning").at(-1)!.message,
      /^"workers" has changed, which counts from an upgrade on/,
    );
  });

  test("are the last ones of those that wait", async () => {
    const stage = await made();
    const { world, pool, all } = stage;
    const first = pool.reload();
    const options = (WHO: string, workers: number): PoolOptions => ({
      ...OLD,
      workers,
      env: { WHO },
    });
    const second = pool.reload({ options: options("b", 2) });
    const third = pool.reload({ options: options("c", 1) });
    for (let i = 0; i < 8; i++) {
      await settle();
      for (const each of world.alive) if (each.wasTold("drain")) each.exit();
    }
    await Promise.all([first, second, third]);
    await settle();
    for (const each of world.alive) if (each.wasTold("drain")) each.exit();
    assert.deepEqual(whoOf(stage), ["c"]);
    assert.equal(all("reload-finished").length, 2);
  });

  test("count at once where there is no worker", async () => {
    const stage = await made();
    const { world, pool } = stage;
    pool.scale(0);
    await settle();
    for (const each of world.alive) each.exit();
    await stage.reload({ env: { WHO: "new" }, workers: 2 });
    assert.deepEqual(whoOf(stage), ["new", "new"]);
  });

  test("do not count where there is no worker and none comes up", async () => {
    for (const next of [{ env: { WHO: "new" }, workers: 3 }, undefined]) {
      const { world, pool, all } = await made({ workers: 2 });
      const old = world.onSpawn;
      pool.scale(0);
      await settle();
      for (const each of world.alive) each.exit();
      await settle();
      world.onSpawn = (process) => queueMicrotask(() => process.exit());
      await assert.rejects(
        pool.reload(next && { options: { ...OLD, ...next } }),
        {
          code: "ERR_RELOAD",
          message: /^Cannot reload: .*; there is no worker, as before$/,
        },
      );
      await settle();
      assert.equal(pool.status().wanted, 0);
      assert.deepEqual(world.alive, []);
      assert.match(
        all("warning").at(-1)!.message,
        /^Cannot reload: .*; there is no worker, as before$/,
      );
      world.onSpawn = old;
      await pool.reload();
      assert.deepEqual(world.alive.map(({ env }) => env["WHO"]), [
        "old",
        "old",
      ]);
      await settle();
    }
  });

  test("that belong to the supervisor are named, and those that are wrong change nothing", async () => {
    const stage = await made();
    const { pool, all } = stage;
    await stage.reload({
      listen: "127.0.0.1:9090",
      share: "shared",
      output: "lines",
      hooks: {},
      env: { WHO: "new" },
    });
    const said =
      '"listen", "share" and "output" have changed, which counts from an upgrade on: "prefork upgrade", or SIGUSR2';
    assert.deepEqual(all("warning").map(({ message }) => message), [said]);
    assert.deepEqual(whoOf(stage), ["new"]);
    for (
      const [options, message] of [
        [
          { grace: -1 },
          /^Cannot reload: Cannot use -1 for "grace".*; nothing has/,
        ],
        [
          { program: "app.py" },
          /^Cannot reload: "app\.py" is run by exec, and what serves by node/,
        ],
        [
          { program: "missing.js" },
          /^Cannot reload: Cannot start "missing\.js"/,
        ],
      ] as const
    ) {
      await assert.rejects(
        pool.reload({ options: { ...OLD, ...options } }),
        { code: "ERR_RELOAD", message },
      );
      assert.match(all("warning").at(-1)!.message, message);
    }
    assert.equal(pool.status().generation, 2);
    assert.deepEqual(whoOf(stage), ["new"]);
  });

  test("count for how long is waited, from the next worker on", async () => {
    const stage = await made();
    const { world, pool } = stage;
    await stage.reload({ grace: 1_234, idleGrace: 5 });
    const stop = pool.stop();
    await settle();
    const drain = { prefork: 1, type: "drain", ms: 1_234, idle: 5 };
    assert.deepEqual(world.alive[0]!.heard.slice(-2), [
      drain,
      // For one that waits in accept(2).
      { prefork: 1, type: "wake" },
    ]);
    world.alive[0]!.exit();
    await stop;
  });
});
