import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";
import { settle, type Stage, stage } from "./world.ts";

const isStandby = (process: MemoryProcess): boolean =>
  process.env["PREFORK_STANDBY"] === "1";

/** A worker that does what it is told: a standby waits. */
function obedient(process: MemoryProcess): void {
  queueMicrotask(() => {
    if (!isStandby(process)) return process.getReady();
    process.say({ type: "hello", runtime: "memory", pid: process.pid });
    process.say({ type: "standby" });
  });
}

/** A pool of two with one standby, whose workers do what they are told. */
async function standing(
  options: Partial<PoolOptions> = {},
  world: MemoryWorld = new MemoryWorld(),
): Promise<Stage & { standbys(): MemoryProcess[] }> {
  const made = stage({ standby: 1, soak: 0, ...options }, world);
  world.onSpawn = obedient;
  await made.pool.start();
  await settle();
  return {
    ...made,
    standbys: () => world.alive.filter((one) => isStandby(one)),
  };
}

/** The word that has a standby take over. */
function promotion(process: MemoryProcess): unknown {
  return process.heard.find(promotes);
}

function promotes(message: unknown): boolean {
  return (message as { type?: unknown }).type === "resume";
}

/** The place of the one that has taken over is filled again. */
async function refilled({ world }: Stage): Promise<void> {
  await settle();
  world.advance(100);
  await settle();
}

const slots = ({ pool }: Stage): unknown[] =>
  pool.status().workers.map(({ slot, state, generation }) =>
    `${slot} ${state} ${generation}`
  );

describe("standby", () => {
  test("one is started when every worker is ready, with a number beyond all slots", async () => {
    const made = stage({ standby: 1, maxWorkers: 5 });
    made.pool.start().catch(() => {});
    await settle();
    const [first, second] = made.world.processes;
    first!.getReady();
    await settle();
    assert.equal(made.world.processes.length, 2);
    second!.getReady();
    await settle();
    const [, , third] = made.world.processes;
    assert.equal(third!.env["PREFORK_SLOT"], "5");
    assert.equal(third!.env["PREFORK_STANDBY"], "1");
    assert.equal(first!.env["PREFORK_STANDBY"], undefined);
    third!.say({ type: "hello", runtime: "memory", pid: third!.pid });
    third!.say({ type: "standby" });
    await settle();
    assert.deepEqual(slots(made), ["0 ready 1", "1 ready 1", "5 standby 1"]);
    assert.equal(made.pool.status().ready, 2);
    assert.equal(made.pool.send("all"), 2);
  });

  test("a crash is answered by it, and its place is filled again", async () => {
    const made = await standing();
    const [standby] = made.standbys();
    made.world.processes[1]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(promotion(standby!), {
      prefork: 1,
      type: "resume",
      slot: 1,
    });
    assert.deepEqual(slots(made), ["0 ready 1", "1 resuming 1"]);
    standby!.say({ type: "ready" });
    await settle();
    assert.equal(made.pool.status().ready, 2);
    assert.equal(made.world.alive.length, 2, "not in its first moments");
    await refilled(made);
    assert.equal(slots(made).at(-1), "9 standby 1");
    assert.equal(made.world.alive.length, 3);
    assert.deepEqual(made.all("worker-promoted"), [{
      type: "worker-promoted",
      slot: 1,
      generation: 1,
      pid: standby!.pid,
    }]);
  });

  test("one takes over as soon as the other is seen to end, before that has a status", async () => {
    const made = await standing();
    const [standby] = made.standbys();
    const [, dying] = made.world.processes;
    dying!.end();
    await settle();
    assert.notEqual(promotion(standby!), undefined);
    standby!.say({ type: "ready" });
    await settle();
    // Its output is open as long as a process of its own holds it.
    made.world.advance(1000);
    await settle();
    assert.equal(made.world.alive.length, 3, "nobody has room yet");
    dying!.exit({ code: 1 });
    await settle();
    assert.deepEqual(slots(made), ["0 ready 1", "1 ready 1"]);
    assert.deepEqual(
      made.all("worker-exited").map(({ slot, reason }) => [slot, reason]),
      [[1, "crashed"]],
    );
    assert.equal(made.all("worker-promoted").length, 1);
    assert.equal(standby!.heard.filter((one) => promotes(one)).length, 1);
    await refilled(made);
    assert.equal(slots(made).at(-1), "9 standby 1");
  });

  test("two that end at once have one each", async () => {
    const made = await standing({ standby: 2 });
    const [first, second] = made.world.processes;
    first!.end();
    second!.end();
    await settle();
    const standbys = made.standbys();
    for (const standby of standbys) {
      assert.notEqual(promotion(standby), undefined);
      standby.say({ type: "ready" });
    }
    await settle();
    second!.exit({ code: 1 });
    first!.exit({ code: 1 });
    await settle();
    assert.deepEqual(
      made.pool.status().workers.map(({ slot, pid }) => [slot, pid]),
      standbys.map(({ pid }, slot) => [slot, pid]),
    );
  });

  test("one whose slot is wanted no more by then leaves", async () => {
    const made = await standing();
    const [standby] = made.standbys();
    const [, dying] = made.world.processes;
    dying!.end();
    await settle();
    standby!.say({ type: "ready" });
    made.pool.scale(1);
    await settle();
    dying!.exit({ code: 1 });
    await settle();
    assert.equal(standby!.wasTold("drain"), true);
    standby!.exit();
    await refilled(made);
    assert.deepEqual(slots(made), ["0 ready 1", "8 standby 1"]);
  });

  test("one that ends while it takes over is replaced as the worker is", async () => {
    const made = await standing();
    const [standby] = made.standbys();
    const [, dying] = made.world.processes;
    dying!.end();
    await settle();
    standby!.exit({ code: 1 });
    await settle();
    dying!.exit({ code: 1 });
    await settle();
    const [next] = made.standbys();
    assert.notEqual(promotion(next!), undefined);
    assert.deepEqual(slots(made), ["0 ready 1", "1 resuming 1"]);
  });

  test("none takes over from one that was asked to leave", async () => {
    const made = await standing();
    const stop = made.pool.stop();
    await settle();
    made.world.processes[1]!.end();
    await settle();
    assert.equal(made.all("worker-promoted").length, 0);
    for (const process of made.world.alive) process.exit();
    await stop;
  });

  test("a crash that would be waited after is answered at once too, and who follows the standby waits", async () => {
    const made = await standing();
    for (let crashes = 1; crashes <= 4; crashes++) {
      const { pid } = made.pool.status().workers[0]!;
      made.world.processes.find((one) => one.pid === pid)!.exit({ code: 1 });
      await settle();
      const promoted = made.standbys().find((one) =>
        promotion(one) !== undefined
      );
      promoted?.say({ type: "ready" });
      await settle();
      assert.equal(made.pool.status().ready, crashes === 4 ? 1 : 2);
      await refilled(made);
    }
    // The fourth one found no standby: that was not there again before 200 ms.
    assert.equal(made.world.alive.length, 2);
  });

  test("one that does not come up is tried again with a backoff, and hurts nobody", async () => {
    const world = new MemoryWorld();
    const made = stage({ standby: 1 }, world);
    world.onSpawn = (process) =>
      isStandby(process)
        ? queueMicrotask(() => process.exit({ code: 1 }))
        : process.getReady();
    await made.pool.start();
    await settle();
    assert.equal(made.pool.status().ready, 2);
    assert.deepEqual(
      made.all("worker-respawning").map(({ slot, delay }) => [slot, delay]),
      [[8, 0], [8, 100]],
    );
    world.onSpawn = obedient;
    world.advance(100);
    await settle();
    assert.equal(slots(made).at(-1), "8 standby 1");
  });

  test("in a reload those of the old version are for nobody, and replaced when it holds", async () => {
    const made = await standing({ probation: 5_000 });
    const { world, pool } = made;
    const [old] = made.standbys();
    const obey = async (): Promise<void> => {
      for (const each of world.alive) {
        if (each.wasTold("drain")) each.exit();
        else if (each.wasTold("park")) each.say({ type: "parked" });
      }
      await settle();
    };
    const reload = pool.reload();
    for (let i = 0; i < 3; i++) {
      await settle();
      await obey();
    }
    assert.equal(promotion(old!), undefined);
    assert.equal(old!.alive, true, "should the reload fail");
    assert.equal(pool.status().reload?.state, "probation");
    world.advance(5_000);
    await settle();
    assert.equal(old!.wasTold("drain"), true);
    await obey();
    await reload;
    await settle();
    assert.deepEqual(slots(made).map((text) => String(text).slice(2)), [
      "ready 2",
      "ready 2",
      "standby 2",
    ]);
  });

  test("a reload that fails leaves them", async () => {
    const made = await standing();
    const [old] = made.standbys();
    made.world.onSpawn = (process) =>
      queueMicrotask(() => process.exit({ code: 1 }));
    await assert.rejects(made.pool.reload(), { code: "ERR_RELOAD" });
    await settle();
    made.world.onSpawn = obedient;
    made.world.processes[0]!.exit({ code: 1 });
    await settle();
    assert.notEqual(promotion(old!), undefined);
  });

  test("a scale takes one, and leaves one", async () => {
    const made = await standing();
    const [standby] = made.standbys();
    made.pool.scale(3);
    await settle();
    standby!.say({ type: "ready" });
    await settle();
    await refilled(made);
    assert.equal(made.pool.status().ready, 3);
    assert.equal(made.world.alive.length, 4);
  });

  test("in a mix there is one of each runtime, which takes over where that runs", async () => {
    const made = await standing({
      program: "app.js",
      workers: undefined as never,
      runtime: { node: 1, bun: 1 },
    });
    const commands = made.standbys().map(({ plan }) => plan.runtime);
    assert.deepEqual(commands, ["node", "bun"]);
    made.world.processes[1]!.exit({ code: 1 });
    await settle();
    const [node, bun] = made.standbys();
    assert.equal(promotion(node!), undefined);
    assert.notEqual(promotion(bun!), undefined);
  });

  test("slots with a weight of their own get none", async () => {
    const made = await standing({ share: "balanced", weights: [0.5] });
    const [standby] = made.standbys();
    made.world.processes[0]!.exit({ code: 1 });
    await settle();
    assert.equal(promotion(standby!), undefined);
    assert.equal(made.pool.status().ready, 2);
  });

  test("no number of one that lives is given twice", async () => {
    const made = await standing();
    made.world.processes[0]!.exit({ code: 1 });
    await settle();
    made.standbys()[0]!.say({ type: "ready" });
    await refilled(made);
    const numbers = made.standbys().map(({ env }) => env["PREFORK_SLOT"]);
    assert.deepEqual(numbers, ["8", "9"]);
  });

  test("they leave with the pool, and when it wants no worker", async () => {
    const made = await standing();
    made.pool.scale(0);
    await settle();
    for (const process of made.world.alive) {
      assert.equal(process.wasTold("drain"), true);
      process.exit();
    }
    made.pool.scale(2);
    await settle();
    assert.equal(made.standbys().length, 1);
    const stop = made.pool.stop();
    for (const process of made.world.alive) {
      if (!isStandby(process)) process.exit();
    }
    await settle();
    assert.equal(made.pool.status().state, "stopping");
    made.world.alive[0]!.exit();
    assert.deepEqual(await stop, { killed: 0 });
  });

  test("a quick stop kills them", async () => {
    const made = await standing();
    assert.deepEqual(await made.pool.stop({ quick: true }), { killed: 2 });
    assert.equal(made.world.alive.length, 0);
  });

  test("who is no standby cannot say so, nor a standby that it is ready", async () => {
    const made = await standing();
    made.world.processes[0]!.say({ type: "standby" });
    made.standbys()[0]!.say({ type: "ready" });
    await settle();
    assert.deepEqual(made.all("worker-noise").map(({ problem }) => problem), [
      'it says "standby"',
      'it says "ready"',
    ]);
    assert.equal(made.pool.status().ready, 2);
  });

  test("reuseport and programs in other languages have none", async () => {
    await assert.rejects(standing({ share: "reuseport" }), {
      code: "ERR_SHARE_MODE",
      message: /standby workers in "reuseport"/,
    });
    await assert.rejects(standing({ program: "app", runtime: "exec" }), {
      name: "TypeError",
      message: /standby workers of "app"/,
    });
  });
});
