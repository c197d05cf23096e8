import assert from "node:assert/strict";
import { PreforkError } from "../../core/errors.ts";
import { describe, test } from "../harness.ts";
import { running, settle, stage } from "./world.ts";

describe("start", () => {
  test("resolves when every worker is ready, not before", async () => {
    const { world, pool, types } = stage();
    let started = false;
    const start = pool.start().then(() => started = true);
    await settle();
    assert.equal(world.processes.length, 2);
    world.processes[0]!.getReady();
    await settle();
    assert.equal(started, false);
    assert.equal(pool.status().state, "starting");
    world.processes[1]!.getReady();
    await start;
    await settle();
    assert.equal(pool.status().state, "running");
    assert.deepEqual(types(), [
      "listening",
      "worker-started",
      "worker-started",
      "worker-ready",
      "worker-ready",
      "pool-ready",
    ]);
  });

  test("resolves when those are ready that are wanted by then", async () => {
    for (const wanted of [1, 0]) {
      const { world, pool, events } = stage();
      const start = pool.start();
      await settle();
      world.processes[0]!.getReady();
      await settle();
      pool.scale(wanted);
      await start;
      await settle();
      const ready = events.find(({ type }) => type === "pool-ready");
      assert.deepEqual(ready && "workers" in ready && ready.workers, wanted);
    }
  });

  test("that is stopped before it is over says so, and so does each call after the end", async () => {
    const { world, pool } = stage();
    const start = pool.start();
    await settle();
    const stop = pool.stop({ quick: true });
    for (const each of world.processes) each.exit();
    const said = (action: string) => ({
      code: "ERR_STATE",
      message: `Cannot ${action} the pool: it was stopped`,
    });
    await assert.rejects(start, said("start"));
    await stop;
    const never = stage().pool;
    assert.throws(() => never.scale(1), /it has not been started/);
    await never.stop();
    for (const each of [pool, never]) {
      await assert.rejects(each.start(), said("start"));
      await assert.rejects(each.reload(), said("reload"));
      assert.throws(() => each.scale(1), said("scale"));
    }
  });

  test("of a pool that stops or has ended is refused", async () => {
    const { world, pool } = await running();
    const stop = pool.stop();
    await assert.rejects(pool.start(), {
      code: "ERR_STATE",
      message: "Cannot start the pool: it is stopping",
    });
    for (const each of world.processes) each.exit();
    await stop;
    await assert.rejects(pool.start(), {
      code: "ERR_STATE",
      message: "Cannot start the pool: it was stopped",
    });
  });

  test("that fails before any worker is the end of the pool", async () => {
    const { world, pool, events } = stage();
    world.taken.add("127.0.0.1:8080");
    const reading = pool.events();
    const ready = assert.rejects(pool.ready(), { code: "ERR_BIND" });
    await assert.rejects(pool.start(), { code: "ERR_BIND" });
    await ready;
    assert.deepEqual(await reading.next(), { done: true, value: undefined });
    await assert.rejects(pool.ready(), { code: "ERR_BIND" });
    assert.equal(pool.status().state, "stopped");
    assert.deepEqual(await pool.stop(), { killed: 0 });
    assert.deepEqual(events, []);
  });

  test("a second call is the same start", async () => {
    const { world, pool } = await running();
    await pool.start();
    assert.equal(world.processes.length, 2);
  });

  test("gives each worker its place and none of the supervisor's own", async () => {
    const { world } = await running();
    const { env } = world.processes[1]!;
    assert.equal(env["PREFORK_SLOT"], "1");
    assert.equal(env["PREFORK_GENERATION"], "1");
    assert.equal(env["LISTEN_FDS"], undefined);
    assert.equal(env["SERVER_STARTER_PORT"], "127.0.0.1:8080=3");
    assert.equal(env["PATH"], "/bin");
  });

  test("gives systemd's variables to programs that learn LISTEN_PID", async () => {
    const { world, pool } = stage({ program: "app", workers: 1 });
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    await pool.start();
    const { env, plan } = world.processes[0]!;
    assert.equal(env["LISTEN_FDS"], "1");
    assert.match(plan.command.join(" "), /LISTEN_PID=/);
  });

  test("starts each worker in the directory by the name that it had", async () => {
    const { world } = await running();
    const { env, plan } = world.processes[0]!;
    assert.deepEqual([plan.cwd, env["PWD"]], ["/here", "/here"]);
    const { world: other } = await running({ cwd: "below", env: { PWD: "x" } });
    const { env: given, plan: { cwd } } = other.processes[0]!;
    assert.deepEqual([cwd, given["PWD"]], ["/here/below", "x"]);
  });

  test("binds nothing and starts nothing when the program is missing", async () => {
    const { world, pool } = stage({ program: "missing.js" });
    await assert.rejects(pool.start(), {
      code: "ERR_BOOT",
      message: 'Cannot start "missing.js": there is no such file',
    });
    assert.equal(world.bound.size, 0);
    assert.equal(world.processes.length, 0);
  });

  test("starts no worker when an address is taken, and closes the others", async () => {
    const { world, pool } = stage({ listen: ["127.0.0.1:1", "127.0.0.1:2"] });
    world.taken.add("127.0.0.1:2");
    await assert.rejects(pool.start(), { code: "ERR_BIND" });
    assert.equal(world.bound.size, 0);
    assert.equal(world.processes.length, 0);
  });

  for (
    const status of [{ code: 0 }, { code: 1 }, {
      code: null,
      signal: "SIGSEGV",
    }]
  ) {
    test(`gives up when the first worker ends with ${JSON.stringify(status)}`, async () => {
      const { world, pool, types } = stage({ workers: 4 });
      const start = pool.start();
      await settle();
      world.processes[2]!.exit(status);
      await assert.rejects(start, { code: "ERR_BOOT" });
      await settle();
      assert.equal(world.processes.length, 4);
      assert.equal(world.alive.length, 0);
      assert.equal(world.bound.size, 0);
      assert.equal(types().at(-1), "stopped");
    });
  }

  test("gives up when the program ends itself by SIGTERM, four times", async () => {
    const { world, pool, all } = stage({ workers: 1 });
    const start = pool.start();
    for (let i = 0; i < 4; i++) {
      await settle();
      const worker = world.alive[0]!;
      worker.say({ type: "hello", runtime: "memory", pid: worker.pid });
      worker.say({ type: "leaving" });
      worker.exit();
      world.advance(100 * i);
    }
    await assert.rejects(start, {
      code: "ERR_BOOT",
      message: /: it left by itself before it was ready: it was sent SIGTERM/,
    });
    await settle();
    assert.deepEqual(all("worker-respawning").map(({ delay }) => delay), [
      0,
      100,
      200,
    ]);
  });

  test("gives up when no worker is ready in time", async () => {
    const { world, pool } = stage({ startTimeout: 5_000 });
    const start = pool.start();
    await settle();
    world.advance(5_000);
    await assert.rejects(start, {
      message: "Cannot start the program: the program was not ready in 5 s",
    });
    assert.deepEqual(await pool.stop(), { killed: 0 });
  });

  test("a worker that fails beside one that is ready is started again", async () => {
    const { world, pool } = stage();
    const start = pool.start();
    await settle();
    world.processes[0]!.getReady();
    world.processes[1]!.exit({ code: 1 });
    assert.equal(world.processes.length, 3);
    world.processes[2]!.getReady();
    await start;
  });

  test("shows the error of a program that cannot boot once", async () => {
    const { world, pool, all } = stage({ workers: 4, output: "lines" });
    const start = pool.start();
    await settle();
    for (const { plan } of world.processes) {
      plan.onLine("stderr", "Error: no database");
    }
    for (const process of [...world.processes]) process.exit({ code: 1 });
    await assert.rejects(start);
    await settle();
    assert.deepEqual(
      all("worker-output").map(({ line }) => line),
      ["Error: no database"],
    );
  });
});

describe("crash", () => {
  test("the first is repaired at once, the next ones ever later", async () => {
    const { world, all } = await running({ workers: 1 });
    world.onSpawn = () => {};
    for (let i = 0; i < 4; i++) {
      const [worker] = world.alive;
      worker!.getReady();
      worker!.exit({ code: 1 });
      assert.equal(world.alive.length, i === 0 ? 1 : 0);
      world.advance(400);
      assert.equal(world.alive.length, 1);
    }
    await settle();
    // random() is 0 here, which takes no jitter away.
    assert.deepEqual(all("worker-respawning").map(({ delay }) => delay), [
      0,
      100,
      200,
      400,
    ]);
  });

  test("a worker that lived long has paid off its slot's crashes", async () => {
    const { world, all } = await running({ workers: 1 });
    for (let i = 0; i < 3; i++) {
      world.alive[0]!.exit({ code: 1 });
      await settle();
      world.advance(20_000);
    }
    assert.deepEqual(all("worker-respawning").map(({ delay }) => delay), [
      0,
      0,
      0,
    ]);
  });

  test("the slot and its number stay", async () => {
    const { world, pool } = await running({ workers: 3 });
    world.processes[1]!.exit({ code: 1 });
    await settle();
    assert.equal(world.processes[3]!.env["PREFORK_SLOT"], "1");
    assert.deepEqual(pool.status().workers.map(({ slot }) => slot), [0, 1, 2]);
  });

  test("an early end is one however it comes about, and its line says how", async () => {
    const { world, all } = await running({ workers: 1 });
    world.onSpawn = () => {};
    const first = world.processes[0]!;
    first.plan.onLine("stderr", "Error: no disk");
    first.exit({ code: 1 });
    const last = () => world.processes.at(-1)!;
    last().getReady();
    last().say({ type: "leaving" });
    world.advance(100);
    last().getReady();
    last().exit({ code: 0 });
    world.advance(200);
    last().say({ type: "hello", runtime: "memory", pid: last().pid });
    last().say({ type: "leaving" });
    last().exit({ code: 0 });
    world.advance(400);
    last().exit({ code: null, signal: "SIGTERM" });
    await settle();
    const left = "SIGTERM, which its program may have done";
    assert.deepEqual(
      all("worker-respawning").map(({ delay, reason }) => [delay, reason]),
      [
        [0, "it exited with code 1 right after it was ready: Error: no disk"],
        [
          100,
          `it left by itself right after it was ready: it was sent ${left}`,
        ],
        [200, "it exited with code 0 right after it was ready"],
        [400, `it left by itself before it was ready: it was sent ${left}`],
        [800, "it was ended by SIGTERM before it was ready"],
      ],
    );
  });

  test("an error that was written long before is not why it ended", async () => {
    const { world, all } = await running({ workers: 1 });
    world.processes[0]!.plan.onLine("stderr", "Error: no disk");
    world.advance(3_000);
    world.processes[0]!.exit({ code: 1 });
    await settle();
    const [again] = all("worker-respawning");
    assert.equal(again?.reason, "it exited with code 1 3 s after it was ready");
  });

  test("a worker that leaves after a long time is none that has crashed", async () => {
    const { world, pool, all } = await running({ workers: 1 });
    world.advance(10_000);
    world.processes[0]!.say({ type: "leaving" });
    world.processes[0]!.exit();
    await settle();
    assert.equal(pool.status().ready, 1);
    assert.equal(all("worker-respawning").length, 0);
  });

  test("a worker that cannot be started says why, and waits longer each time", async () => {
    const { world, all } = await running({ workers: 1 });
    world.onSpawn = () => {
      throw new PreforkError("ERR_SPAWN", "Cannot start node: EAGAIN");
    };
    world.processes[0]!.exit({ code: 1 });
    world.advance(100);
    await settle();
    assert.deepEqual(
      all("worker-respawning").map(({ delay, reason }) => [delay, reason]),
      [
        [0, "it exited with code 1 right after it was ready"],
        [100, "Cannot start node: EAGAIN"],
        [200, "Cannot start node: EAGAIN"],
      ],
    );
  });

  test("a worker that leaves on its own is replaced before it is gone", async () => {
    const { world } = await running({ workers: 1 });
    world.processes[0]!.say({ type: "leaving" });
    await settle();
    assert.equal(world.alive.length, 2);
    world.processes[0]!.exit();
    await settle();
    assert.equal(world.alive.length, 1);
    assert.equal(world.processes.length, 2);
  });
});

describe("stop", () => {
  test("drains every worker, and closes the sockets when each has heard that", async () => {
    const { world, pool, types } = await running();
    const stop = pool.stop();
    for (const process of world.processes) {
      assert.deepEqual(process.heard, [
        { prefork: 1, type: "drain", ms: 30_000, idle: 300 },
        { prefork: 1, type: "wake" },
      ]);
      assert.equal(world.bound.size, 1);
      process.say({ type: "heard", count: 2 });
    }
    world.advance(10);
    assert.equal(world.bound.size, 0);
    for (const process of world.processes) process.exit();
    assert.deepEqual(await stop, { killed: 0 });
    await settle();
    assert.equal(types().at(-1), "stopped");
    assert.equal(pool.status().state, "stopped");
  });

  test("kills what is not done at the deadline, and says so", async () => {
    const { world, pool, all } = await running({ grace: 2_000 });
    const stop = pool.stop();
    world.processes[0]!.exit();
    world.advance(1_999);
    assert.equal(world.alive.length, 1);
    world.advance(1);
    assert.deepEqual(await stop, { killed: 1 });
    await settle();
    assert.equal(all("worker-killed").length, 1);
  });

  test("quick kills at once, also after a graceful stop has begun", async () => {
    const { world, pool } = await running();
    const stop = pool.stop();
    assert.equal(world.alive.length, 2);
    world.processes[0]!.exit();
    pool.stop({ quick: true });
    assert.deepEqual(await stop, { killed: 1 });
    assert.equal(world.alive.length, 0);
  });

  test("counts who was killed by it, not by a reload before", async () => {
    const { world, pool, all } = await running({ workers: 1, soak: 0 });
    const reload = pool.reload();
    await settle();
    world.advance(30_000);
    await reload;
    await settle();
    assert.equal(all("worker-killed").length, 1);
    const stop = pool.stop();
    world.alive[0]!.exit();
    assert.deepEqual(await stop, { killed: 0 });
  });

  test("a worker that dies while it drains is not replaced", async () => {
    const { world, pool } = await running();
    const stop = pool.stop();
    for (const process of world.processes) process.exit({ code: 1 });
    await stop;
    assert.equal(world.processes.length, 2);
  });

  test("during the start ends the start", async () => {
    const { world, pool } = stage();
    const start = pool.start();
    await settle();
    const stop = pool.stop();
    for (const process of world.processes) {
      assert.deepEqual(process.signals, ["SIGTERM"]);
      process.exit({ code: null, signal: "SIGTERM" });
    }
    await assert.rejects(start, { code: "ERR_STATE" });
    await stop;
  });

  test("of a pool that was never started is done at once", async () => {
    const { pool } = stage();
    assert.deepEqual(await pool.stop(), { killed: 0 });
    await assert.rejects(pool.start(), { code: "ERR_STATE" });
  });

  test("await using stops the pool", async () => {
    const { world, pool } = await running();
    {
      await using used = pool;
      assert.equal(used.status().ready, 2);
      for (const process of world.processes) {
        process.plan.onNoise("about to end");
        queueMicrotask(() => process.exit());
      }
    }
    assert.equal(pool.status().state, "stopped");
  });
});

describe("send", () => {
  test("refuses what the workers would not get as it is", async () => {
    const { world, pool } = await running();
    const before = world.processes.map(({ heard }) => heard.length);
    const silent = { toJSON: () => undefined };
    for (const message of [undefined, () => {}, Symbol("a"), 5n, silent]) {
      assert.throws(() => pool.send(message), TypeError);
    }
    assert.throws(() => pool.send({ prefork: 1, type: "drain" }), {
      name: "TypeError",
      message: /its key "prefork" marks messages of prefork itself/,
    });
    assert.deepEqual(world.processes.map(({ heard }) => heard.length), before);
    assert.equal(pool.send(null), 2);
  });
});

describe("what is no option and no message", () => {
  const wrong = <T>(value: unknown): T => value as T;

  test("is refused with what was given, by the promise where there is one", async () => {
    const { pool } = await running();
    const object = (call: string, value = "null") =>
      `Cannot use ${value} for "${call}()": it must be an object, or be left out`;
    const string = (name: string, value: unknown) =>
      `Cannot use ${value} for "${name}": it must be a string`;
    const rows: readonly (readonly [() => Promise<unknown>, string])[] = [
      [() => pool.reload(wrong(null)), object("reload")],
      [() => pool.stop(wrong(null)), object("stop")],
      [() => pool.stop(wrong(true)), object("stop", "true")],
      [() => pool.quiesce(0, wrong(null)), object("quiesce")],
      [() => pool.upgrade(wrong(null)), object("upgrade")],
      [
        () => pool.upgrade({ command: wrong(null) }),
        'Cannot use null for "command": it must be an array of strings',
      ],
      [() => pool.upgrade({ command: wrong([5]) }), string("command[0]", 5)],
      [
        () => pool.upgrade({ to: wrong(null) }),
        'Cannot use null for "to": it must be an object with a command',
      ],
    ];
    for (const [call, message] of rows) {
      await assert.rejects(call(), { name: "TypeError", message });
    }
    assert.equal(pool.status().state, "running");
  });

  test("and what JSON cannot carry is not sent", async () => {
    const { pool } = await running();
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    for (const message of [10n, cyclic, { at: 1n }]) {
      assert.throws(() => pool.send(message), {
        name: "TypeError",
        message: /^Cannot send the message: JSON cannot carry it, send /,
      });
    }
  });
});
