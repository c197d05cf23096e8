import assert from "node:assert/strict";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage } from "./world.ts";

/** Starts a reload in a pool whose new workers do nothing by themselves. */
async function reloading(
  options: Parameters<typeof running>[0] = {},
): Promise<Stage & { reload: Promise<void> }> {
  const made = await running(options);
  made.world.onSpawn = () => {};
  const reload = made.pool.reload();
  reload.catch(() => {});
  await settle();
  return { ...made, reload };
}

describe("reload", () => {
  test("replaces one slot at a time, the new worker ready before the old one drains", async () => {
    const { world, pool, reload } = await reloading({ workers: 2, soak: 0 });
    const [old0, old1, new0] = world.processes;
    assert.equal(world.processes.length, 3);
    assert.equal(new0!.env["PREFORK_GENERATION"], "2");
    assert.equal(new0!.env["PREFORK_SLOT"], "0");
    assert.equal(old0!.wasTold("drain"), false);
    new0!.getReady();
    assert.equal(old0!.wasTold("drain"), true);
    assert.equal(old1!.wasTold("drain"), false);
    // One more than wanted is the limit: the next slot waits for old0's end.
    assert.equal(world.processes.length, 3);
    old0!.exit();
    assert.equal(world.processes.length, 4);
    world.processes[3]!.getReady();
    assert.equal(pool.status().state, "reloading");
    old1!.exit();
    await reload;
    const status = pool.status();
    assert.equal(status.generation, 2);
    assert.deepEqual(status.workers.map(({ generation }) => generation), [
      2,
      2,
    ]);
  });

  test("a signal that hits a worker before its first word is no failure, three times", async () => {
    const { world, pool, reload } = await reloading({ workers: 1, soak: 0 });
    const hit = (): void =>
      world.processes.at(-1)!.exit({ code: null, signal: "SIGHUP" });
    for (let i = 1; i <= 3; i++) {
      hit();
      await settle();
      assert.equal(world.processes.length, 2 + i);
      assert.equal(pool.status().state, "reloading");
    }
    hit();
    await assert.rejects(reload, /ended by SIGHUP before it was ready/);
  });

  test("never has fewer than the wanted workers ready", async () => {
    const { world, pool, reload } = await reloading({ workers: 3, soak: 0 });
    let lowest = pool.status().ready;
    world.onSpawn = (process) =>
      queueMicrotask(() => {
        process.getReady();
        lowest = Math.min(lowest, pool.status().ready);
      });
    world.processes[3]!.getReady();
    for (let i = 0; i < 3; i++) {
      world.processes[i]!.exit();
      lowest = Math.min(lowest, pool.status().ready);
      await settle();
    }
    await reload;
    assert.equal(lowest, 3);
  });

  test("the first new worker must live for the soak time", async () => {
    const { world, reload } = await reloading({ workers: 2, soak: 1_000 });
    world.processes[2]!.getReady();
    await settle();
    assert.equal(world.processes[0]!.wasTold("drain"), false);
    world.advance(1_000);
    assert.equal(world.processes[0]!.wasTold("drain"), true);
    world.processes[0]!.exit();
    world.processes[3]!.getReady();
    // The second one has nothing to prove.
    assert.equal(world.processes[1]!.wasTold("drain"), true);
    world.processes[1]!.exit();
    await reload;
  });

  test("is undone when the first new worker does not come up", async () => {
    const { world, pool, reload, all } = await reloading();
    world.processes[2]!.exit({ code: 1 });
    await assert.rejects(reload, {
      code: "ERR_RELOAD",
      message:
        "Cannot reload: slot 0: it exited with code 1 before it was ready; what serves now is generation 1 in slots 0-1",
    });
    assert.deepEqual(world.alive.map(({ pid }) => pid), [1001, 1002]);
    assert.equal(world.processes[0]!.wasTold("drain"), false);
    assert.equal(pool.status().state, "running");
    assert.equal(pool.status().generation, 1);
    await settle();
    assert.equal(all("reload-failed").length, 1);
  });

  test("that fails at a later slot says why and who serves what", async () => {
    const { world, pool, reload, all } = await reloading({
      workers: 4,
      soak: 0,
      output: "lines",
      signals: true,
    });
    world.processes[4]!.getReady();
    world.processes[0]!.exit();
    const { plan, exit } = world.processes[5]!;
    plan.onLine("stderr", "file:///srv/app.js:1");
    plan.onLine("stderr", "\x1b[31mSyntaxError\x1b[0m: Unexpected token");
    plan.onLine("stderr", "    at compileSourceTextModule (node:internal)");
    world.advance(250);
    exit.call(world.processes[5], { code: 1 });
    const reason =
      "slot 1: it exited with code 1 before it was ready: SyntaxError: Unexpected token";
    const serving = "generation 2 in slot 0, generation 1 in slots 1-3";
    await assert.rejects(reload, {
      code: "ERR_RELOAD",
      message: `Cannot reload: ${reason}; what serves now is ${serving}`,
    });
    await settle();
    const generation = 2;
    assert.deepEqual(all("reload-failed"), [
      {
        type: "reload-failed",
        state: "mixed",
        generation,
        ms: 250,
        inQueue: 0,
        reason,
        serving,
      },
    ]);
    const { workers, reload: status } = pool.status();
    assert.deepEqual(status, {
      state: "mixed",
      generation,
      reason,
      unparked: undefined,
      receipts: [],
      inQueue: 0,
      ms: 250,
      age: 0,
      queued: false,
    });
    assert.deepEqual(workers.map((each) => each.generation), [2, 1, 1, 1]);
    world.signal("SIGCONT");
    await settle();
    assert.match(
      all("warning").at(-1)!.message,
      /to generation 2 was given up/,
    );
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const again = pool.reload();
    for (const old of [4, 1, 2, 3]) {
      await settle();
      world.processes[old]!.exit();
    }
    await again;
    assert.equal(pool.status().reload?.state, "finished");
  });

  test("is undone when the first new worker dies within the soak time", async () => {
    const { world, pool, reload } = await reloading({ soak: 1_000 });
    world.processes[2]!.getReady();
    world.processes[2]!.exit({ code: null, signal: "SIGSEGV" });
    await assert.rejects(reload, /ended by SIGSEGV right after it was ready/);
    assert.equal(pool.status().ready, 2);
  });

  test("is undone when the first new worker is not ready in time", async () => {
    const { world, reload } = await reloading({ startTimeout: 3_000 });
    world.advance(3_000);
    await assert.rejects(reload, /was not ready in 3 s/);
  });

  test("after one that was undone works, with the next generation", async () => {
    const { world, pool, reload } = await reloading({ soak: 0 });
    world.processes[2]!.exit({ code: 1 });
    await assert.rejects(reload);
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const again = pool.reload();
    await settle();
    world.processes[0]!.exit();
    await settle();
    world.processes[1]!.exit();
    await again;
    assert.equal(pool.status().generation, 3);
  });

  test("one asked for during another follows it, more are the same", async () => {
    const { world, pool, reload, all } = await reloading({
      workers: 1,
      soak: 0,
    });
    const second = Promise.all([pool.reload(), pool.reload()]);
    world.processes[1]!.getReady();
    world.processes[0]!.exit();
    await reload;
    await settle();
    assert.equal(world.processes.length, 3);
    world.processes[2]!.getReady();
    world.processes[1]!.exit();
    await second;
    await settle();
    assert.deepEqual(
      all("reload-finished").map(({ generation }) => generation),
      [2, 3],
    );
  });

  test("an old worker that dies meanwhile is replaced by the new one at once", async () => {
    const { world, pool, reload } = await reloading({ workers: 1, soak: 0 });
    world.processes[0]!.exit({ code: 1 });
    await settle();
    assert.equal(world.processes.length, 2);
    world.processes[1]!.getReady();
    await reload;
    assert.equal(pool.status().ready, 1);
  });

  test("an old worker that dies while it drains changes nothing", async () => {
    const { world, reload, all } = await reloading({ workers: 1, soak: 0 });
    world.processes[1]!.getReady();
    world.processes[0]!.exit({ code: null, signal: "SIGKILL" });
    await reload;
    await settle();
    assert.equal(all("worker-respawning").length, 0);
    assert.equal(world.processes.length, 2);
  });

  test("a stop ends it", async () => {
    const { world, pool, reload } = await reloading();
    const stop = pool.stop();
    await assert.rejects(reload, { code: "ERR_STATE" });
    for (const process of world.processes) process.exit();
    await stop;
  });

  test("of a pool that does not run is refused", async () => {
    const { world, pool } = await running();
    const stop = pool.stop();
    await assert.rejects(pool.reload(), {
      code: "ERR_STATE",
      message: "Cannot reload the pool: it is stopping",
    });
    for (const process of world.processes) process.exit();
    await stop;
  });
});
