import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import { SILENT_MS } from "../../core/balance/passing.ts";
import { HUNG_MS } from "../../core/balance/scoreboard.ts";
import { describe, test } from "../harness.ts";
import {
  got,
  hear,
  pass,
  rooms,
  score,
  settleLast,
  wakes,
} from "./passing_scene.ts";
import { running, settle, type Stage } from "./world.ts";

interface Scene extends Stage {
  /** Over: it passes on. */
  readonly busy: MemoryProcess;
  /** The one with nothing to do. */
  readonly idle: MemoryProcess;
  /** The one with something to do. */
  readonly other: MemoryProcess;
}

/** A pool of three, whose workers have different loads. */
async function scene(options: { workers?: number } = {}): Promise<Scene> {
  const made = await running({
    share: "balanced",
    workers: 3,
    ...options,
  });
  const [busy, idle, other] = made.world.processes;
  made.world.onSpawn = () => {};
  score(busy!, { open: 9 });
  if (idle !== undefined) score(idle);
  if (other !== undefined) score(other, { open: 3 });
  return { ...made, busy: busy!, idle: idle!, other: other! };
}

const kill = async (process: MemoryProcess): Promise<void> => {
  process.exit({ code: null, signal: "SIGKILL" });
  await settle();
};

describe("a connection that a worker passes on", () => {
  test("goes to the least loaded, once that is awake and the first has given it up", async () => {
    const { busy, idle, other, pool } = await scene();
    const connection = pass(busy, 1);
    assert.deepEqual([wakes(busy), wakes(idle), wakes(other)], [0, 1, 0]);
    assert.deepEqual(rooms(busy), []);
    assert.equal(pool.status().waiting, 1);
    hear(idle);
    assert.deepEqual(rooms(busy), [1]);
    assert.deepEqual(got(idle), []);
    busy.say({ type: "gave", id: 1 });
    assert.deepEqual(got(idle), [1]);
    assert.deepEqual(idle.received[0]!.message, {
      prefork: 1,
      type: "connection",
      listener: "127.0.0.1:8080",
    });
    assert.equal(connection.closed, 0);
    assert.equal(pool.status().waiting, 0);
    settleLast(idle);
    assert.equal(connection.closed, 1);
  });

  test("stays where it is when its worker loses patience", async () => {
    const { busy, idle, other } = await scene();
    const connection = pass(busy, 1);
    busy.say({ type: "kept", id: 1 });
    assert.equal(connection.closed, 1);
    hear(idle);
    assert.deepEqual(rooms(busy), []);
    assert.deepEqual([...got(idle), ...got(other), ...got(busy)], []);
  });

  test("stays where it is when the word of room comes too late", async () => {
    const { busy, idle, pool } = await scene();
    const connection = pass(busy, 1);
    hear(idle);
    assert.deepEqual(rooms(busy), [1]);
    busy.say({ type: "kept", id: 1 });
    busy.say({ type: "gave", id: 1 });
    assert.equal(connection.closed, 1);
    assert.deepEqual(got(idle), []);
    assert.equal(pool.status().waiting, 0);
  });

  test("is asked for anew, although another had answered for one that was kept", async () => {
    const { busy, idle } = await scene();
    pass(busy, 1);
    hear(idle);
    busy.say({ type: "kept", id: 1 });
    pass(busy, 2);
    assert.equal(wakes(idle), 2);
    assert.deepEqual(rooms(busy), [1]);
  });

  test("may take the place of one that was kept meanwhile", async () => {
    const { busy, idle, other } = await scene();
    pass(busy, 1);
    pass(busy, 2);
    assert.deepEqual([wakes(idle), wakes(other)], [1, 1]);
    hear(idle);
    assert.deepEqual(rooms(busy), [1]);
    busy.say({ type: "kept", id: 1 });
    assert.deepEqual(rooms(busy), [1, 2]);
    busy.say({ type: "gave", id: 2 });
    assert.deepEqual(got(idle), [2]);
  });

  test("goes on its way when its worker gives it up without a word of room", async () => {
    const { busy, idle, other } = await scene();
    pass(busy, 1);
    busy.say({ type: "gave", id: 1 });
    // It is ours now: whoever answers first has it.
    assert.deepEqual([wakes(busy), wakes(idle), wakes(other)], [1, 1, 1]);
    hear(other);
    assert.deepEqual(got(other), [1]);
    hear(idle);
    hear(busy);
    assert.deepEqual([got(idle), got(busy)], [[], []]);
  });

  test("is not taken when its listener is unknown: the worker keeps it", async () => {
    const { busy, idle, all, pool } = await scene();
    const connection = pass(busy, 1, "elsewhere");
    await settle();
    assert.equal(connection.closed, 1);
    assert.equal(wakes(idle), 0);
    assert.equal(pool.status().waiting, 0);
    assert.equal(all("worker-noise").length, 1);
    busy.say({ type: "kept", id: 1 });
    assert.equal(connection.closed, 1);
  });

  test("is not taken when its number is in use", async () => {
    const { busy, idle } = await scene();
    const first = pass(busy, 1);
    const second = pass(busy, 1);
    assert.deepEqual([first.closed, second.closed], [0, 1]);
    hear(idle);
    busy.say({ type: "gave", id: 1 });
    assert.equal(idle.received[0]!.connection, first);
  });

  test("does not come back to the worker that passes on", async () => {
    const { busy, idle, other, world } = await scene();
    pass(busy, 1);
    world.advance(10 * SILENT_MS);
    assert.deepEqual([wakes(busy), wakes(idle), wakes(other)], [0, 1, 1]);
  });

  test("costs no more questions than connections wait", async () => {
    const { busy, idle, other, pool } = await scene();
    pass(busy, 1);
    pool.send({ any: "thing" });
    hear(other);
    assert.deepEqual([wakes(idle), wakes(other)], [1, 0]);
    pass(busy, 2);
    assert.deepEqual([wakes(idle), wakes(other)], [1, 1]);
  });

  test("gets no promise that another one has", async () => {
    const { busy, idle } = await scene();
    pass(busy, 1);
    pass(busy, 2);
    hear(idle);
    pass(busy, 3);
    assert.deepEqual(rooms(busy), [1]);
  });

  test("goes elsewhere while the last one is on its way to the least loaded", async () => {
    const { busy, idle, other } = await scene();
    score(other);
    pass(busy, 1);
    hear(idle);
    busy.say({ type: "gave", id: 1 });
    assert.deepEqual(got(idle), [1]);
    pass(busy, 2);
    assert.deepEqual([wakes(idle), wakes(other)], [1, 1]);
  });

  test("finds nobody where no worker takes connections", async () => {
    const { busy, idle, other, world } = await scene();
    for (const each of [busy, idle, other]) score(each, { takes: false });
    const connection = pass(busy, 1);
    world.advance(1_000);
    assert.deepEqual([wakes(busy), wakes(idle), wakes(other)], [0, 0, 0]);
    assert.deepEqual(rooms(busy), []);
    busy.say({ type: "kept", id: 1 });
    assert.equal(connection.closed, 1);
  });
});

describe("a worker that is asked and says nothing", () => {
  test("is passed over after a moment, for the next one", async () => {
    const { busy, idle, other, world } = await scene();
    pass(busy, 1);
    world.advance(SILENT_MS - 1);
    assert.equal(wakes(other), 0);
    world.advance(1);
    assert.deepEqual([wakes(idle), wakes(other)], [1, 1]);
    hear(other);
    assert.deepEqual(rooms(busy), [1]);
    busy.say({ type: "gave", id: 1 });
    assert.deepEqual(got(other), [1]);
  });

  test("is not asked again before it has answered, however many pass by", async () => {
    const { busy, idle, other, world } = await scene();
    for (let id = 1; id <= 20; id++) {
      pass(busy, id);
      world.advance(SILENT_MS);
      busy.say({ type: "kept", id });
    }
    assert.deepEqual([wakes(idle), wakes(other)], [1, 1]);
    hear(idle);
    pass(busy, 99);
    assert.equal(wakes(idle), 2);
  });

  test("has not answered while it has something else to read", async () => {
    const { busy, idle, pool } = await scene();
    pass(busy, 1);
    pool.send({ any: "thing" });
    idle.say({ type: "heard", count: 1 });
    assert.deepEqual(rooms(busy), []);
    idle.say({ type: "heard", count: 1 });
    assert.deepEqual(rooms(busy), [1]);
  });

  test("is asked anew when it passes on itself, since its runtime is told of that", async () => {
    const { busy, idle } = await scene();
    pass(busy, 1);
    hear(idle);
    pass(idle, 1);
    busy.say({ type: "gave", id: 1 });
    assert.deepEqual(got(idle), []);
    assert.equal(wakes(idle), 2);
    hear(idle);
    assert.deepEqual(got(idle), [1]);
  });

  test("because it is gone, its end not yet told, is passed over", async () => {
    const { busy, idle, other, world } = await scene();
    idle.alive = false;
    pass(busy, 1);
    world.advance(SILENT_MS);
    assert.deepEqual([wakes(idle), wakes(other)], [0, 1]);
  });

  test("counts as hung when it has written nothing for long, and is not asked", async () => {
    const { busy, idle, other } = await scene();
    score(idle, { beat: Date.now() - 2 * HUNG_MS });
    pass(busy, 1);
    assert.deepEqual([wakes(idle), wakes(other)], [0, 1]);
  });

  test("is asked all the same for what is ours, when nobody else is there", async () => {
    const { busy, idle, other } = await scene();
    const connection = pass(busy, 1);
    for (const each of [idle, other]) {
      score(each, { beat: Date.now() - 2 * HUNG_MS });
    }
    await kill(busy);
    await kill(other);
    hear(idle);
    assert.deepEqual(got(idle), [1]);
    assert.equal(connection.closed, 0);
  });

  test("keeps no connection back that is ours", async () => {
    const { busy, idle, other } = await scene();
    pass(busy, 1);
    hear(idle);
    idle.plan.onMessage({ any: "thing" });
    busy.say({ type: "gave", id: 1 });
    pass(busy, 2);
    // Its runtime has not confirmed the first one.
    busy.say({ type: "gave", id: 2 });
    hear(other);
    assert.deepEqual([got(idle), got(other)], [[1], [2]]);
  });
});

describe("a receiver that dies", () => {
  test("before it has answered: another one is asked", async () => {
    const { busy, idle, other } = await scene();
    pass(busy, 1);
    await kill(idle);
    assert.equal(wakes(other), 1);
    hear(other);
    assert.deepEqual(rooms(busy), [1]);
  });

  test("after it has answered: the connection goes to whoever is awake next", async () => {
    const { busy, idle, other } = await scene();
    const connection = pass(busy, 1);
    hear(idle);
    await kill(idle);
    busy.say({ type: "gave", id: 1 });
    assert.equal(wakes(other), 1);
    hear(other);
    assert.deepEqual(got(other), [1]);
    assert.equal(connection.closed, 0);
  });

  test("after the connection was sent: it goes to another one", async () => {
    const { busy, idle, other } = await scene();
    const connection = pass(busy, 1);
    hear(idle);
    busy.say({ type: "gave", id: 1 });
    assert.deepEqual(got(idle), [1]);
    await kill(idle);
    assert.equal(connection.closed, 0);
    assert.equal(wakes(other), 1);
    hear(other);
    assert.deepEqual(got(other), [1]);
    // What the dead one had to say comes too late.
    settleLast(idle);
    assert.equal(connection.closed, 0);
    settleLast(other);
    assert.equal(connection.closed, 1);
  });

  test("after it was confirmed: the connection is its own, and gone", async () => {
    const { busy, idle, other } = await scene();
    const connection = pass(busy, 1);
    hear(idle);
    busy.say({ type: "gave", id: 1 });
    settleLast(idle);
    await kill(idle);
    assert.equal(connection.closed, 1);
    assert.equal(wakes(other), 0);
    assert.deepEqual(got(other), []);
  });

  test("with its end not yet told: another one is asked", async () => {
    const { busy, idle, other } = await scene();
    pass(busy, 1);
    hear(idle);
    idle.alive = false;
    busy.say({ type: "gave", id: 1 });
    assert.equal(wakes(other), 1);
    hear(other);
    assert.deepEqual([got(idle), got(other)], [[], [1]]);
  });
});

test("what a worker did not get goes to another one, and that worker is asked no more", async () => {
  const { busy, idle, other, world } = await scene();
  const connection = pass(busy, 1);
  hear(idle);
  busy.say({ type: "gave", id: 1 });
  settleLast(idle, false);
  assert.equal(connection.closed, 0);
  hear(other);
  assert.deepEqual(got(other), [1]);
  settleLast(other);
  assert.equal(connection.closed, 1);
  pass(busy, 2);
  world.advance(10 * SILENT_MS);
  assert.equal(wakes(idle), 1);
});

describe("a sender that dies", () => {
  test("before there is room: its connection is ours, and goes to another one", async () => {
    const { busy, idle } = await scene();
    const connection = pass(busy, 1);
    await kill(busy);
    hear(idle);
    assert.deepEqual(got(idle), [1]);
    settleLast(idle);
    assert.equal(connection.closed, 1);
  });

  test("after there was room, before it gave the connection up", async () => {
    const { busy, idle } = await scene();
    pass(busy, 1);
    hear(idle);
    assert.deepEqual(rooms(busy), [1]);
    await kill(busy);
    assert.deepEqual(got(idle), [1]);
  });

  test("after it gave it up", async () => {
    const { busy, idle } = await scene();
    pass(busy, 1);
    busy.say({ type: "gave", id: 1 });
    await kill(busy);
    hear(idle);
    assert.deepEqual(got(idle), [1]);
  });

  test("and whose last word comes after its end", async () => {
    const { busy, idle, other } = await scene();
    await kill(busy);
    const connection = pass(busy, 1);
    assert.equal(wakes(idle) + wakes(other), 2);
    hear(other);
    assert.deepEqual(got(other), [1]);
    assert.equal(connection.closed, 0);
  });

  test("after it kept it, which it could not say: nobody else serves it", async () => {
    const { busy, idle } = await scene();
    const connection = pass(busy, 1);
    score(busy, { kept: 1 });
    await kill(busy);
    hear(idle);
    assert.deepEqual(got(idle), []);
    assert.equal(connection.closed, 1);
  });

  test("after it kept one, of which it tells after its end", async () => {
    const { busy, idle, other } = await scene();
    score(busy, { kept: 1 });
    await kill(busy);
    const [kept, mine] = [pass(busy, 1), pass(busy, 2)];
    for (const each of [idle, other]) hear(each);
    assert.deepEqual([...got(idle), ...got(other)], [2]);
    assert.deepEqual([kept.closed, mine.closed], [1, 0]);
  });

  test("after it kept one, and gave up the one before, which it could not say", async () => {
    const { busy, idle } = await scene();
    const given = pass(busy, 1);
    hear(idle);
    assert.deepEqual(rooms(busy), [1]);
    const kept = pass(busy, 2);
    score(busy, { kept: 2 });
    await kill(busy);
    assert.deepEqual(got(idle), [1]);
    assert.deepEqual([given.closed, kept.closed], [0, 1]);
  });

  test("with several, some ours and some not: each goes on once", async () => {
    const { busy, idle, other } = await scene();
    const all = [1, 2, 3, 4].map((id) => pass(busy, id));
    busy.say({ type: "gave", id: 2 });
    busy.say({ type: "kept", id: 3 });
    await kill(busy);
    for (let i = 0; i < 6; i++) {
      for (const each of [idle, other]) {
        hear(each);
        each.received.at(-1)?.settle(true);
      }
    }
    assert.deepEqual([...got(idle), ...got(other)].sort(), [1, 2, 4]);
    assert.deepEqual(all.map(({ closed }) => closed), [1, 1, 1, 1]);
  });
});

describe("a worker that drains", () => {
  test("is asked no more, and gets nothing although it was awake", async () => {
    const { busy, idle, other, pool } = await scene();
    pool.scale(2);
    pass(busy, 1);
    hear(idle);
    assert.equal(wakes(other), 0);
    idle.say({ type: "leaving" });
    busy.say({ type: "gave", id: 1 });
    await settle();
    hear(idle);
    assert.deepEqual(got(idle), []);
    assert.equal(other.received.length, 0);
    // Only the first one is left that serves.
    hear(busy);
    assert.deepEqual(got(busy), [1]);
  });

  test("has no place to promise any more", async () => {
    const { busy, idle } = await scene();
    pass(busy, 1);
    pass(busy, 2);
    hear(idle);
    idle.say({ type: "leaving" });
    busy.say({ type: "kept", id: 1 });
    assert.deepEqual(rooms(busy), [1]);
  });

  test("may still pass on what it has", async () => {
    const { busy, idle, world, pool } = await scene();
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    pass(busy, 1);
    busy.say({ type: "leaving" });
    await settle();
    assert.ok(busy.wasTold("drain"));
    hear(idle);
    assert.deepEqual(rooms(busy), [1]);
    busy.say({ type: "gave", id: 1 });
    assert.deepEqual(got(idle), [1]);
    assert.equal(pool.status().waiting, 0);
  });
});

test("connections that are ours wait for the next worker when none is left", async () => {
  const { world, pool } = await running({ share: "balanced", workers: 1 });
  const [first] = world.processes;
  score(first!);
  world.onSpawn = () => {};
  const connection = pass(first!, 1);
  await kill(first!);
  assert.equal(pool.status().waiting, 1);
  world.advance(1_000);
  const next = world.processes[1]!;
  score(next);
  next.getReady();
  hear(next);
  assert.deepEqual(got(next), [1]);
  assert.equal(connection.closed, 0);
});

test("what a worker gives up while all drain goes to one of them", async () => {
  const { busy, idle, other, pool } = await scene();
  pass(busy, 1);
  hear(idle);
  pool.scale(0);
  for (const each of [busy, idle, other]) hear(each);
  busy.say({ type: "gave", id: 1 });
  assert.equal([...got(busy), ...got(idle), ...got(other)].length, 1);
});

describe("a worker that has drained", () => {
  const leaves = (process: MemoryProcess): boolean =>
    process.heard.some((each) => (each as { type: string }).type === "leave");

  test("is told to leave, and gets nothing more", async () => {
    const { busy, idle, other, pool } = await scene();
    pool.scale(0);
    for (const each of [busy, idle, other]) hear(each);
    idle.say({ type: "drained" });
    assert.ok(leaves(idle));
    hear(idle);
    score(other, { open: 9 });
    pass(busy, 1);
    busy.say({ type: "gave", id: 1 });
    assert.deepEqual(got(idle), []);
    assert.equal([...got(busy), ...got(other)].length, 1);
  });

  test("not before it has what nobody else could take", async () => {
    const { busy, idle, other, pool } = await scene();
    pass(busy, 1);
    hear(idle);
    score(busy, { takes: false });
    score(other, { takes: false });
    pool.scale(0);
    busy.say({ type: "gave", id: 1 });
    idle.say({ type: "drained" });
    assert.deepEqual([leaves(idle), got(idle)], [false, []]);
    hear(idle);
    assert.deepEqual([leaves(idle), got(idle)], [true, [1]]);
  });
});

describe("a pool that stops", () => {
  test("gives away at once what is ours", async () => {
    const { busy, idle, other, pool } = await scene();
    pass(busy, 1);
    pass(busy, 2);
    busy.say({ type: "gave", id: 1 });
    busy.say({ type: "gave", id: 2 });
    pool.stop();
    for (const each of [busy, idle, other]) hear(each);
    assert.deepEqual([...got(busy), ...got(idle), ...got(other)].sort(), [
      1,
      2,
    ]);
  });

  test("gives nothing to a worker that takes nothing", async () => {
    const { busy, idle, other, pool } = await scene();
    score(busy, { takes: false });
    score(idle, { takes: false });
    pass(busy, 1);
    busy.say({ type: "gave", id: 1 });
    pool.stop();
    for (const each of [busy, idle, other]) hear(each);
    assert.deepEqual([got(busy), got(idle), got(other)], [[], [], [1]]);
  });

  test("leaves a worker what that has not given up, and tells it of no room", async () => {
    const { busy, idle, other, pool } = await scene();
    const connection = pass(busy, 1);
    pool.stop();
    for (const each of [idle, other]) hear(each);
    assert.deepEqual(rooms(busy), []);
    assert.deepEqual([...got(busy), ...got(idle), ...got(other)], []);
    busy.say({ type: "kept", id: 1 });
    assert.equal(connection.closed, 1);
  });

  test("gives away what a worker gives up later, also to one that drains", async () => {
    const { busy, idle, other, pool } = await scene();
    pass(busy, 1);
    hear(idle);
    pool.stop();
    busy.say({ type: "gave", id: 1 });
    // Not before it has read that it is to drain.
    assert.deepEqual([...got(busy), ...got(idle), ...got(other)], []);
    for (const each of [busy, idle, other]) hear(each);
    assert.equal([...got(busy), ...got(idle), ...got(other)].length, 1);
  });

  test("gives what was on its way to one that dies to another, and closes the rest at its end", async () => {
    const { busy, idle, other, pool } = await scene();
    const [first, second] = [pass(busy, 1), pass(busy, 2)];
    busy.say({ type: "gave", id: 1 });
    const stopped = pool.stop();
    for (const each of [busy, idle, other]) hear(each);
    const has = [busy, idle, other].find((each) => got(each).length > 0)!;
    has.exit();
    await settle();
    const left = [busy, idle, other].filter(({ alive }) => alive);
    assert.equal(left.flatMap((each) => [...got(each)]).includes(1), true);
    for (const each of left) each.exit();
    await stopped;
    assert.deepEqual([first.closed, second.closed], [1, 1]);
  });
});

test("many at once spread over the others, the least loaded first", async () => {
  const { busy, idle, other } = await scene();
  for (let id = 1; id <= 60; id++) pass(busy, id);
  let open = 0;
  for (let i = 0; i < 200; i++) {
    for (const each of [idle, other]) {
      hear(each);
      for (const id of rooms(busy)) busy.say({ type: "gave", id });
      each.received.at(-1)?.settle(true);
      open = got(idle).length;
      score(idle, { open });
      score(other, { open: 3 + got(other).length });
    }
  }
  assert.equal(got(idle).length + got(other).length, 60);
  assert.deepEqual(got(busy), []);
});

describe("a worker that the supervisor hands connections as well", () => {
  const both = (): Promise<Stage> =>
    running({
      workers: 1,
      listen: ["127.0.0.1:8080?share=balanced", "127.0.0.1:9090?share=handoff"],
    });

  test("gets none before it has read that the one it passes on has come", async () => {
    const { world } = await both();
    const [worker] = world.processes;
    score(worker!);
    pass(worker!, 1);
    world.connect();
    assert.deepEqual(worker!.received, []);
    hear(worker!);
    assert.equal(worker!.received.length, 1);
  });

  test("gets the next one once it has confirmed the last, whoever sent it", async () => {
    const { world, pool } = await both();
    const [worker] = world.processes;
    score(worker!);
    world.connect();
    pass(worker!, 1);
    hear(worker!);
    worker!.say({ type: "gave", id: 1 });
    hear(worker!);
    world.connect();
    assert.equal(worker!.received.length, 1);
    assert.equal(pool.status().waiting, 2);
    for (let count = 1; count <= 3; count++) {
      assert.equal(worker!.received.length, count);
      settleLast(worker!);
      hear(worker!);
    }
    assert.equal(pool.status().waiting, 0);
  });
});

test("a pool without a balanced listener takes no connection from a worker", async () => {
  const world = new MemoryWorld();
  const { all } = await running({ share: "shared" }, world);
  const connection = pass(world.processes[0]!, 1);
  await settle();
  assert.equal(connection.closed, 1);
  assert.equal(all("worker-noise").length, 1);
});
