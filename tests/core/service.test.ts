/** What a service manager hears of the pools of a process, in a world in memory. */
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { EventStream } from "../../core/event_stream.ts";
import type { PoolEvent } from "../../core/events.ts";
import type { HandedListener } from "../../core/listeners/handover.ts";
import {
  ServiceManager,
  type ServiceState,
} from "../../core/service/manager.ts";
import { EXTEND_MS, Service } from "../../core/service/service.ts";
import { restore, storedNames } from "../../core/service/store.ts";
import { watchdogPeriod } from "../../core/service/watchdog.ts";
import { describe, test } from "../harness.ts";
import { running, settle, stage } from "./world.ts";

const MORE = "EXTEND_TIMEOUT_USEC=30000000";

/** A world whose service manager listens. */
function listening(env: Readonly<Record<string, string>> = {}): MemoryWorld {
  const world = new MemoryWorld();
  Object.assign(world.env, { NOTIFY_SOCKET: "/run/notify", ...env });
  return world;
}

/** What was said since the last call. */
function news(world: MemoryWorld): string[] {
  return world.notified.splice(0);
}

describe("what a service manager hears", () => {
  test("of a start, reloads and a stop, in order", async () => {
    const world = listening();
    const made = await running({ soak: 0 }, world);
    const { pool } = made;
    const said = news(world);
    assert.equal(said[0], `STATUS=starting\n${MORE}`);
    assert.equal(
      said.at(-1),
      "READY=1\nSTATUS=2 of 2 workers ready, generation 1",
    );
    // No more time is asked for, and nothing is said twice.
    world.advance(10 * EXTEND_MS.every);
    assert.deepEqual(news(world), []);

    world.onSpawn = (process) =>
      queueMicrotask(() => process.exit({ code: 7 }));
    await assert.rejects(pool.reload());
    await settle();
    const [begun, ended, ...more] = news(world);
    assert.equal(
      begun,
      `RELOADING=1\nSTATUS=reloading to generation 2, 2 of 2 workers ready\n${MORE}`,
    );
    assert.match(
      ended!,
      /^READY=1\nSTATUS=2 of 2 workers ready, generation 1; the reload to generation 2 failed: slot 0: .*code 7/,
    );
    assert.deepEqual(more, []);

    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const reload = pool.reload();
    for (let i = 0; i < 20; i++) {
      await settle();
      for (const each of world.alive) if (each.wasTold("drain")) each.exit();
      world.advance(0);
    }
    await reload;
    await settle();
    const words = news(world);
    assert.match(words[0]!, /^RELOADING=1\n/);
    assert.match(words.at(-1)!, /^READY=1\nSTATUS=.*, generation 3$/);

    const stopped = pool.stop();
    await settle();
    assert.deepEqual(news(world), [
      `STOPPING=1\nSTATUS=stopping, 2 workers left\n${MORE}`,
    ]);
    // It takes long, and more than that is no drain.
    world.advance(2 * EXTEND_MS.every);
    assert.deepEqual(news(world), [MORE, MORE]);
    for (const each of world.alive) each.exit();
    await stopped;
    world.advance(10 * EXTEND_MS.every);
    assert.ok(!news(world).includes(MORE));
    assert.equal(world.timers, 0);
  });

  test("of a pool that is down: the reason, and no sign of life", async () => {
    const world = listening({ WATCHDOG_USEC: "20000000" });
    await running({ workers: 1, restarts: { intensity: 0 } }, world);
    assert.ok(news(world).includes("WATCHDOG=1"));
    world.advance(30_000);
    assert.deepEqual(news(world), Array(3).fill("WATCHDOG=1"));

    world.onSpawn = (process) =>
      queueMicrotask(() => process.exit({ code: 9 }));
    for (let i = 0; i < 40; i++) {
      for (const each of world.alive) each.exit({ code: 9 });
      await settle();
      world.advance(1_000);
    }
    const trouble = news(world);
    const status = trouble.filter((each) => each.startsWith("STATUS=down"));
    assert.match(
      status.at(-1)!,
      /^STATUS=down, 0 of 1 workers ready, .* slot 0: it exited with code 9/,
    );
    world.advance(60_000);
    assert.ok(!news(world).includes("WATCHDOG=1"));

    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    for (let i = 0; i < 60; i++) {
      await settle();
      world.advance(1_000);
    }
    assert.ok(news(world).includes("WATCHDOG=1"));
  });

  test("of a SIGHUP of which no reload comes: that it has ended", async () => {
    const world = listening();
    const { pool } = await running({ signals: true }, world);
    world.signal("SIGWINCH");
    for (const each of world.alive) each.exit();
    await settle();
    assert.equal(pool.status().wanted, 0);
    world.advance(1_000);
    news(world);
    world.signal("SIGHUP");
    await settle();
    world.advance(1_000);
    await settle();
    const said = news(world);
    const begun = said.findIndex((each) => each.startsWith("RELOADING=1\n"));
    assert.ok(begun >= 0, said.join("|"));
    assert.match(said[begun + 1]!, /^READY=1\n/);
  });

  test("of a SIGHUP, however long its reload takes to begin: that one alone", async () => {
    const world = listening();
    const events = new EventStream<PoolEvent>();
    const served = { name: "web", stopTime: () => 0, events, silent: false };
    using service = Service.join(world.adapter, served);
    service.ready();
    const reload = Promise.withResolvers<void>();
    service.asked(reload.promise);
    await settle();
    world.advance(10_000);
    assert.doesNotMatch(news(world).join(), /RELOADING=1/);
    events.push({ type: "reload-started", generation: 2 });
    await settle();
    events.push({ type: "reload-finished", generation: 2, ms: 1 });
    reload.resolve();
    await settle();
    const said = news(world).join();
    assert.equal(said.match(/RELOADING=1/g)?.length, 1, said);
    assert.equal(said.match(/READY=1/g)?.length, 1, said);
  });

  test("one that waits for a line gets it once, when the pool serves", async () => {
    const world = new MemoryWorld();
    const { pool } = await running({ notificationFd: 7, soak: 0 }, world);
    assert.deepEqual(world.notified, ["line 7"]);
    const reload = pool.reload();
    for (let i = 0; i < 20; i++) {
      await settle();
      for (const each of world.alive) if (each.wasTold("drain")) each.exit();
      world.advance(0);
    }
    await reload;
    assert.deepEqual(world.notified, ["line 7"]);
  });

  test("what it has no room for is said when it has", async () => {
    const world = listening();
    world.deaf = "sendmsg failed: EAGAIN";
    const { all } = await running({}, world);
    assert.deepEqual(all("warning"), []);
    assert.deepEqual(news(world), []);
    world.deaf = undefined;
    world.advance(1_000);
    assert.match(news(world).at(-1)!, /^READY=1\n/);
  });

  test("of what there was no room for: in order, the newest word of each kind", () => {
    const world = listening();
    const manager = new ServiceManager(world.adapter);
    world.deaf = "sendmsg failed: EAGAIN";
    const said: readonly ServiceState[] = [
      { READY: 1, STATUS: "one" },
      { FDSTORE: 1, FDNAME: "a" },
      { WATCHDOG: 1 },
      { RELOADING: 1, STATUS: "two" },
      { FDSTORE: 1, FDNAME: "b" },
      { READY: 1, STATUS: "three" },
      ...Array<ServiceState>(100).fill({ WATCHDOG: 1 }),
    ];
    for (const state of said) assert.equal(manager.tell(state), undefined);
    // Which process is the service is said after all that, or not.
    assert.match(manager.tellNow({ MAINPID: 7 })!, /EAGAIN/);
    assert.deepEqual(news(world), []);
    world.deaf = undefined;
    assert.equal(manager.tellNow({ MAINPID: 8 }), undefined);
    assert.deepEqual(news(world), [
      "FDSTORE=1\nFDNAME=a",
      "RELOADING=1",
      "FDSTORE=1\nFDNAME=b",
      "READY=1\nSTATUS=three",
      "WATCHDOG=1",
      "MAINPID=8",
    ]);
    world.advance(1_000);
    assert.deepEqual([news(world), world.timers], [[], 0]);
  });

  test("or the pool does not start, where it is to keep the sockets", async () => {
    const world = new MemoryWorld();
    await assert.rejects(running({ fdStore: true }, world), {
      name: "TypeError",
      message:
        /^Cannot use "fdStore", because no service manager listens .*: start the pool by a unit /,
    });
    world.env["NOTIFY_SOCKET"] = "@notify";
    world.deaf = "there is no libc";
    await assert.rejects(running({ fdStore: true }, world), /no libc: start/);
    // Where nobody has asked for it, it is none the worse.
    world.env["FDSTORE"] = "512";
    const { pool } = await running({}, world);
    assert.equal(pool.status().ready, 2);
  });

  test("of sockets to keep once they serve: before, a stop closes them", async () => {
    for (const serves of [false, true]) {
      const world = listening();
      const { pool } = stage({ fdStore: true, listen: "unix:/s" }, world);
      if (serves) {
        world.onSpawn = (process) => queueMicrotask(() => process.getReady());
      }
      const started = pool.start().catch(() => "stopped");
      await settle();
      await pool.stop({ quick: true });
      assert.equal(await started, serves ? undefined : "stopped");
      assert.equal(world.bound.has("unix:/s"), serves);
      assert.deepEqual(world.abandoned, serves ? ["unix:/s"] : []);
    }
  });

  test("why the program does not start", async () => {
    const world = listening();
    world.taken.add("127.0.0.1:8080");
    await assert.rejects(running({}, world));
    assert.match(world.notified.at(-1)!, /^STATUS=Cannot listen on .*in use$/);
    assert.equal(world.timers, 0);
  });
});

test("what is kept of a pool is none of another's, whatever they are called", () => {
  const { adapter, env } = new MemoryWorld();
  const listener = { name: "x", fds: [0] } as unknown as HandedListener;
  const kept = { pid: 1, listeners: [listener], opened: [], shards: [] };
  const own = storedNames("web", kept);
  Object.assign(env, {
    LISTEN_PID: String(adapter.host.pid),
    LISTEN_FDS: "2",
    LISTEN_FDNAMES: [...own, ...storedNames("web.api", kept)].join(":"),
  });
  assert.deepEqual([...restore("web", adapter)!.rest.keys()], own);
});

describe("several pools of one process", () => {
  test("are ready when all are, and stop when all do", async () => {
    const world = listening({ WATCHDOG_USEC: "2000" });
    const pool = (name: string) => {
      const events = new EventStream<PoolEvent>();
      const served = { name, stopTime: () => 0, events, silent: false };
      return { events, service: Service.join(world.adapter, served) };
    };
    const web = pool("web");
    const api = pool("api");
    web.service.ready();
    world.advance(200);
    assert.ok(!world.notified.join().includes("READY=1"));
    api.service.ready();
    assert.ok(
      world.notified.includes("READY=1\nSTATUS=web: ready; api: ready"),
    );

    const reload = { type: "reload-started", generation: 2 } as const;
    news(world);
    web.events.push(reload);
    await settle();
    api.events.push(reload);
    await settle();
    const done = { type: "reload-finished", generation: 2, ms: 1 } as const;
    web.events.push(done);
    await settle();
    assert.ok(!world.notified.join().includes("READY=1"));
    api.events.push(done);
    await settle();
    assert.match(news(world).at(-1)!, /^READY=1/);

    web.events.push({ type: "stopping", quick: false });
    await settle();
    assert.ok(!world.notified.join().includes("STOPPING=1"));
    web.service[Symbol.dispose]();
    api.events.push({ type: "stopping", quick: false });
    await settle();
    assert.match(news(world).join(), /STOPPING=1/);
    api.service[Symbol.dispose]();
    assert.equal(world.timers, 0);
  });
});

test("how often a watchdog is to hear something", () => {
  const period = (env: Readonly<Record<string, string>>) =>
    watchdogPeriod({ env, pid: 7 });
  assert.equal(period({}), undefined);
  assert.equal(period({ WATCHDOG_USEC: "30000000" }), 15_000);
  assert.equal(period({ WATCHDOG_USEC: "3000000", WATCHDOG_PID: "7" }), 1500);
  // It waits for another process.
  assert.equal(
    period({ WATCHDOG_USEC: "3000000", WATCHDOG_PID: "8" }),
    undefined,
  );
  for (const junk of ["", "0", "-1", "1s", "99999999999999999999"]) {
    assert.equal(period({ WATCHDOG_USEC: junk }), undefined);
  }
});
