import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { NOBODY } from "../../core/control/verbs.ts";
import { describe, test } from "../harness.ts";
import { running, settle, stage } from "./world.ts";

describe("signals", () => {
  test("are left alone unless asked for", async () => {
    const { world } = await running();
    assert.equal(world.signal("SIGTERM"), false);
  });

  test("are given back when the pool has ended", async () => {
    const { world, pool } = await running({ signals: true });
    const stop = pool.stop({ quick: true });
    await stop;
    assert.equal(world.signal("SIGTERM"), false);
  });

  test("are obeyed before anything is opened", async () => {
    const { world, pool } = stage({ signals: true });
    const started = pool.start();
    // The adapter is loaded, and nothing else is.
    for (let i = 0; i < 10 && pool.status().state !== "stopped"; i++) {
      assert.equal(world.bound.size, 0);
      world.signal("SIGTERM");
      await Promise.resolve();
    }
    await assert.rejects(started, { code: "ERR_STATE" });
    assert.equal(pool.status().state, "stopped");
    assert.deepEqual(world.processes, []);
    assert.equal(world.bound.size, 0);
  });

  for (const signal of ["SIGTERM", "SIGQUIT", "SIGINT"] as const) {
    test(`${signal} drains the workers and stops`, async () => {
      const { world, pool } = await running({ signals: true });
      world.signal(signal);
      for (const process of world.processes) {
        assert.equal(process.wasTold("drain"), true);
        process.exit();
      }
      await settle();
      assert.equal(pool.status().state, "stopped");
    });
  }

  test("a second SIGINT kills, a second SIGTERM does not", async () => {
    const { world, pool, all } = await running({ signals: true });
    world.signal("SIGTERM");
    world.signal("SIGTERM");
    await settle();
    assert.deepEqual(all("warning"), []);
    world.signal("SIGINT");
    assert.equal(world.alive.length, 2);
    await settle();
    assert.match(
      all("warning").at(-1)!.message,
      /a second SIGINT \(Ctrl-C\) kills them at once/,
    );
    world.advance(249);
    world.signal("SIGINT");
    assert.equal(world.alive.length, 2, "the echo of the first one");
    world.advance(1);
    world.signal("SIGINT");
    assert.equal(world.alive.length, 0);
    await settle();
    assert.equal(all("warning").length, 1);
    assert.equal(pool.status().state, "stopped");
  });

  for (
    const [signals, graceful, quick] of [
      ["unicorn", ["SIGQUIT"], ["SIGTERM", "SIGINT"]],
      ["gunicorn", ["SIGTERM"], ["SIGQUIT", "SIGINT"]],
      ["nginx", ["SIGQUIT"], ["SIGTERM", "SIGINT"]],
    ] as const
  ) {
    test(
      `as ${signals}: ${graceful} drains, ${
        quick.join(" and ")
      } kill at once, also while it drains`,
      async () => {
        for (const signal of quick) {
          const { world, pool } = await running({ signals });
          for (const one of graceful) world.signal(one);
          assert.deepEqual(world.alive.map((one) => one.wasTold("drain")), [
            true,
            true,
          ]);
          world.signal(signal);
          assert.equal(world.alive.length, 0);
          await settle();
          assert.equal(pool.status().state, "stopped");
        }
      },
    );
  }

  test("SIGHUP reloads", async () => {
    const { world, pool } = await running({ signals: true });
    world.signal("SIGHUP");
    assert.equal(pool.status().state, "reloading");
    assert.equal(world.processes.length, 3);
  });

  test("SIGHUP during a stop is ignored", async () => {
    const { world, types } = await running({ signals: true });
    world.signal("SIGTERM");
    world.signal("SIGHUP");
    await settle();
    assert.equal(types().includes("reload-started"), false);
  });

  test("SIGTTIN and SIGTTOU scale between one and the most", async () => {
    const { world, pool, all } = await running({
      signals: true,
      workers: 1,
      maxWorkers: 2,
    });
    world.signal("SIGTTIN");
    assert.equal(pool.status().wanted, 2);
    world.signal("SIGTTIN");
    assert.equal(pool.status().wanted, 2);
    world.signal("SIGTTOU");
    world.signal("SIGTTOU");
    assert.equal(pool.status().wanted, 1);
    await settle();
    assert.equal(all("warning").length, 2);
  });

  test("SIGWINCH drains all workers and keeps the sockets, SIGHUP brings them back", async () => {
    const { world, pool, all } = await running({ signals: true });
    world.signal("SIGWINCH");
    for (const process of world.processes) process.exit();
    await settle();
    assert.equal(pool.status().ready, 0);
    assert.equal(pool.status().state, "drained");
    assert.deepEqual(all("warning").map(({ message }) => message), [NOBODY]);
    assert.equal(world.bound.size, 1);
    world.signal("SIGHUP");
    await settle();
    assert.equal(pool.status().ready, 2);
    assert.equal(pool.status().state, "running");
  });

  test("SIGWINCH of a terminal is ignored", async () => {
    const world = new MemoryWorld();
    Object.assign(world.adapter.host, { terminal: true });
    const { pool } = await running({ signals: true }, world);
    world.signal("SIGWINCH");
    assert.equal(pool.status().wanted, 2);
  });

  test("SIGCONT tells what each worker does, also while they drain", async () => {
    const { world, pool, all } = await running({ signals: true });
    world.signal("SIGCONT");
    await settle();
    const status = pool.status().workers;
    assert.equal(status.length, 2);
    assert.deepEqual(
      all("worker-status"),
      status.map((worker) => ({ type: "worker-status", ...worker })),
    );
    world.signal("SIGTERM");
    world.signal("SIGCONT");
    await settle();
    assert.deepEqual(all("worker-status").slice(2).map(({ state }) => state), [
      "draining",
      "draining",
    ]);
  });

  test("SIGUSR1 has logs opened anew, SIGUSR2 says what an upgrade lacks", async () => {
    const { world, all } = await running({ signals: true });
    world.signal("SIGUSR1");
    world.signal("SIGUSR2");
    await settle();
    assert.deepEqual(all("logs-reopening").map(({ workers }) => workers), [2]);
    assert.ok(world.alive.every((process) => process.wasTold("reopen")));
    assert.equal(all("warning").length, 0);
    assert.equal(all("upgrade-failed").length, 1);
  });

  test("SIGTERM during the start ends it", async () => {
    const { world, pool } = stage({ signals: true });
    const start = pool.start();
    await settle();
    world.signal("SIGTERM");
    for (const process of world.processes) process.exit({ code: 143 });
    await assert.rejects(start, { code: "ERR_STATE" });
  });
});

describe("messages", () => {
  test("the user's own pass through both ways", async () => {
    const { world, pool, all } = await running();
    world.processes[0]!.plan.onMessage({ hello: "supervisor" });
    await settle();
    assert.deepEqual(all("worker-message"), [{
      type: "worker-message",
      slot: 0,
      generation: 1,
      pid: 1001,
      message: { hello: "supervisor" },
    }]);
    assert.equal(pool.send({ hello: "workers" }), 2);
    assert.equal(pool.send({ hello: "you" }, 1), 1);
    assert.deepEqual(world.processes[1]!.heard, [
      { hello: "workers" },
      { hello: "you" },
    ]);
  });

  for (
    const bad of [
      { prefork: 2, type: "ready" },
      { prefork: 1, type: "explode" },
      { prefork: 1, type: "constructor" },
      { prefork: 1 },
      { prefork: 1, type: "failed", reason: "x".repeat(100_000) },
    ]
  ) {
    test(`${JSON.stringify(bad).slice(0, 40)} is reported with its slot and ignored`, async () => {
      const { world, pool, all } = await running();
      world.processes[1]!.plan.onMessage(bad);
      world.processes[1]!.plan.onNoise("garbage");
      await settle();
      assert.deepEqual(all("worker-noise").map(({ slot }) => slot), [1, 1]);
      assert.equal(pool.status().ready, 2);
    });
  }
});

describe("orphans", () => {
  test("are reaped until the pool has ended", async () => {
    const world = new MemoryWorld();
    let reaps = true;
    world.orphans = { [Symbol.dispose]: () => void (reaps = false) };
    const { pool } = await running({}, world);
    assert.equal(reaps, true);
    await pool.stop({ quick: true });
    assert.equal(reaps, false);
  });

  test("that cannot be reaped are told of", async () => {
    const world = new MemoryWorld();
    world.orphans = "nobody can";
    const { all } = await running({}, world);
    assert.match(all("warning")[0]!.message, /because nobody can: .*--init/);
  });
});
