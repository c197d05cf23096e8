/** Defects that were found once, each with the test that found it. */
import assert from "node:assert/strict";
import { EventStream } from "../../core/event_stream.ts";
import {
  decodeInheritance,
  encodeInheritance,
} from "../../core/launch/environment.ts";
import { parseListener } from "../../core/options/address.ts";
import { parseFromWorker } from "../../core/protocol.ts";
import type { Backend } from "../../core/handoff/dispatcher.ts";
import { test } from "../harness.ts";
import { conn, dispatcher } from "./backends.ts";
import { planAll } from "./plan_all.ts";
import { running, settle } from "./world.ts";

test("flush passes over a worker that is gone before that was reported", () => {
  const desk = dispatcher("round-robin");
  let calls = 0;
  let alive = true;
  const dead: Backend = {
    slot: 0,
    free: true,
    serves: () => true,
    hasRoom: () => true,
    give: () => {
      if (++calls > 100) throw new Error("flush never ends");
      return alive;
    },
  };
  desk.join(dead);
  desk.offer("web", conn());
  desk.offer("web", conn());
  alive = false;
  desk.flush();
  assert.equal(desk.waiting, 1);
});

const ready = (generation: number) => ({
  state: "ready" as const,
  generation,
  proven: true,
});
const slot = (n: number, current?: ReturnType<typeof ready>) => ({
  slot: n,
  current,
  next: undefined,
  leaving: 0,
  waiting: false,
  vacated: false,
});

const RELOAD = {
  reloadTo: 2,
  canary: false,
  stopping: false,
  maxSurge: 1,
  maxUnavailable: 0,
};

test("an empty slot that is wanted counts, so that a crash or a scale-up does not widen the surge", () => {
  const slots = [slot(0, ready(1)), slot(1, ready(1)), slot(2), slot(3)];
  const steps = planAll(slots, { ...RELOAD, wanted: 4 })
    .map((s) => `${s.do} ${s.slot}`);
  assert.deepEqual(steps, ["spawn 2", "spawn 3", "replace 0"]);
});
test("a slot that waits out its backoff counts too", () => {
  const waits = { ...slot(2), waiting: true };
  const slots = [slot(0, ready(1)), slot(1, ready(1)), waits];
  const steps = planAll(slots, { ...RELOAD, wanted: 3 })
    .map((s) => `${s.do} ${s.slot}`);
  assert.deepEqual(steps, ["replace 0"]);
});
test("pool: a crash during a reload does not start a second replacement", async () => {
  const { world, pool } = await running({ workers: 3 });
  world.onSpawn = () => {};
  pool.reload().catch(() => {});
  await settle();
  assert.equal(world.alive.length, 4);
  world.processes[2]!.exit({ code: 1 });
  await settle();
  assert.ok(
    world.alive.length <= 4,
    `${world.alive.length} alive, 3 wanted, surge 1`,
  );
});
test("pool: scaling up during a reload keeps to one slot at a time", async () => {
  const { world, pool } = await running({ workers: 2 });
  world.onSpawn = () => {};
  pool.reload().catch(() => {});
  pool.scale(5);
  await settle();
  assert.ok(
    world.alive.length <= 6,
    `${world.alive.length} alive, 5 wanted, surge 1`,
  );
});

test("two next() calls at a time both get an answer", async () => {
  const stream = new EventStream<number>();
  const reader = stream.read();
  const both = Promise.all([reader.next(), reader.next()]);
  stream.push(1);
  stream.push(2);
  let late: ReturnType<typeof setTimeout> | undefined;
  const never = new Promise((_, no) =>
    late = setTimeout(() => no(new Error("never")), 500)
  );
  try {
    assert.deepEqual(await Promise.race([both, never]), [{
      done: false,
      value: 1,
    }, { done: false, value: 2 }]);
  } finally {
    clearTimeout(late);
  }
});

test("a message that is no JSON is noise, not an exception", () => {
  assert.equal(parseFromWorker({ prefork: 1n, type: "ready" }).kind, "noise");
  const loop: Record<string, unknown> = { prefork: 1, type: "taken" };
  loop["id"] = loop;
  assert.equal(parseFromWorker(loop).kind, "noise");
});

test("an empty slot variable is damage, not slot 0", () => {
  const env = encodeInheritance({ slot: 2, generation: 1, listeners: [] });
  assert.throws(
    () => decodeInheritance({ ...env, PREFORK_SLOT: "" }),
    TypeError,
  );
});

test("joining again keeps what is on its way", () => {
  const desk = dispatcher("round-robin");
  const one = conn();
  const ids: number[] = [];
  const taker: Backend = {
    slot: 0,
    free: true,
    serves: () => true,
    hasRoom: () => true,
    give: (_l, id) => ids.push(id) > 0,
  };
  desk.join(taker);
  desk.offer("web", one);
  desk.join(taker);
  desk.taken(taker, ids[0]!);
  assert.equal(one.closed, 1);
});

test("an empty owner is refused", () => {
  assert.throws(() => parseListener("unix:/a?owner="), TypeError);
});
test("ipv6Only on an IPv4 address is refused", () => {
  assert.throws(() => parseListener("127.0.0.1:80?ipv6Only"), TypeError);
});

test("a reload holds when every slot has a worker of it, not when its time is over", async () => {
  const { world, pool } = await running({
    workers: 1,
    rollback: "park",
    probation: 10_000,
    soak: 0,
  });
  const [old] = world.processes;
  const reload = pool.reload();
  await settle();
  world.onSpawn = () => {};
  world.processes[1]!.say({ type: "leaving" });
  world.advance(10_000);
  await settle();
  assert.equal(old!.wasTold("drain"), false, "what is its successor like?");
  world.processes[1]!.exit();
  world.processes[2]!.getReady();
  await settle();
  assert.equal(old!.wasTold("drain"), true);
  old!.exit();
  await reload;
});

test("slots are told by their number, whenever they came", async () => {
  const { world, pool, all } = await running({ workers: 2, soak: 0 });
  pool.scale(0);
  await settle();
  const [first, second] = world.processes;
  first!.exit();
  pool.scale(2);
  second!.exit();
  await settle();
  assert.equal(pool.status().ready, 2);
  world.onSpawn = (process) => queueMicrotask(() => process.exit({ code: 1 }));
  await assert.rejects(pool.reload());
  await settle();
  assert.equal(all("reload-failed")[0]?.serving, "generation 1 in slots 0-1");
});

test("a stop leaves no timer behind", async () => {
  const { world, pool } = await running({ workers: 1 });
  pool.reload().catch(() => {});
  await settle();
  const stop = pool.stop();
  await settle();
  for (const process of world.alive) process.exit();
  await stop;
  assert.equal(world.timers, 0);
});

test("a worker that a scale let go, and that is killed at its deadline, fails no reload", async () => {
  const { world, pool, all } = await running({
    workers: 1,
    soak: 1_000,
    probation: 40_000,
  });
  world.onSpawn = () => {};
  const reload = pool.reload();
  await settle();
  const [old, canary] = world.processes;
  canary!.getReady();
  await settle();
  pool.scale(0);
  await settle();
  pool.scale(1);
  old!.exit();
  await settle();
  world.advance(30_000);
  await settle();
  assert.deepEqual(canary!.signals, ["SIGKILL"]);
  assert.deepEqual(all("reload-failed"), []);
  for (const process of world.alive) process.getReady();
  world.advance(10_000);
  await reload;
});

test("a rollback ends though a slot went and came back meanwhile", async () => {
  const { world, pool, all } = await running({
    workers: 2,
    rollback: "park",
    soak: 0,
  });
  world.onSpawn = () => {};
  pool.reload().catch(() => {});
  await settle();
  const [first, second] = world.processes;
  world.processes[2]!.getReady();
  await settle();
  world.processes[3]!.exit({ code: 1 });
  await settle();
  // The first slot has yet to come back.
  pool.scale(1);
  first!.say({ type: "leaving" });
  await settle();
  world.onSpawn = (process) => queueMicrotask(() => process.getReady());
  for (const one of world.alive) if (one.wasTold("drain")) one.exit();
  pool.scale(2);
  await settle();
  second!.exit();
  for (let i = 0; i < 5; i++) {
    for (const one of world.alive) {
      if (one.wasTold("drain")) one.exit();
      else if (one.wasTold("resume")) one.say({ type: "ready" });
      else one.getReady();
    }
    world.advance(1_000);
    await settle();
  }
  assert.equal(all("reload-failed").length, 1);
});
