/** What workers send that they may not: told, and not without a limit. */
import assert from "node:assert/strict";
import { MAX_PASSES } from "../../core/balance/passing.ts";
import {
  MAX_PROBLEM,
  NOISE_BURST,
  NOISE_MS,
} from "../../core/supervise/noise.ts";
import { describe, test } from "../harness.ts";
import { got, hear, pass, score, settleLast } from "./passing_scene.ts";
import { running, settle } from "./world.ts";

describe("noise", () => {
  test("is told of each worker so often, and then counted", async () => {
    const { world, all } = await running();
    const [noisy, other] = world.processes;
    const flood = () => {
      for (let i = 0; i < 1000; i++) noisy!.plan.onNoise(`line ${i}`);
    };
    flood();
    other!.plan.onNoise("mine");
    await settle();
    const told = all("worker-noise");
    assert.equal(told.length, NOISE_BURST + 1);
    assert.equal(told.at(-1)!.problem, "mine");
    world.advance(NOISE_MS);
    flood();
    await settle();
    const { problem, untold } = all("worker-noise").at(-1)!;
    assert.deepEqual([problem, untold], ["line 0", 1000 - NOISE_BURST]);
    noisy!.exit({ code: 1 });
    await settle();
    const last = all("worker-noise").at(-1)!;
    assert.deepEqual(last, {
      type: "worker-noise",
      slot: 0,
      generation: 1,
      pid: noisy!.pid,
      problem: "there was more like this",
      untold: 999,
    });
  });

  test("is told shortly", async () => {
    const { world, all } = await running();
    world.processes[0]!.plan.onNoise("x".repeat(1_000_000));
    await settle();
    assert.equal(all("worker-noise")[0]!.problem.length, MAX_PROBLEM);
  });

  test("a shard that nobody asked to adopt is adopted by nobody", async () => {
    const { world, all } = await running({ share: "sharded", workers: 2 });
    const [first, second] = world.processes;
    const listener = "127.0.0.1:8080";
    second!.say({ type: "adopted", listener, shard: 0 });
    second!.say({ type: "adopted", listener: "x", shard: 7 });
    await settle();
    assert.equal(all("shard-adopted").length, 0);
    assert.equal(all("worker-noise").length, 2);
    world.onSpawn = () => {};
    first!.exit({ code: 1 });
    await settle();
    assert.ok(second!.wasTold("adopt"));
    for (let i = 0; i < 3; i++) {
      second!.say({ type: "adopted", listener, shard: 0 });
    }
    await settle();
    assert.equal(all("shard-adopted").length, 1);
  });

  test("a shard that was asked for twice before it answers is adopted twice", async () => {
    const { world, all } = await running({ share: "sharded", workers: 2 });
    const other = world.processes[1]!;
    for (let times = 1; times <= 2; times++) {
      world.processes.findLast((each) => each !== other)!.exit({ code: 1 });
      await settle();
      world.advance(60_000);
      await settle();
      assert.equal(all("shard-released").length, times);
    }
    for (let i = 0; i < 3; i++) {
      other.say({ type: "adopted", listener: "127.0.0.1:8080", shard: 0 });
    }
    await settle();
    assert.equal(all("shard-adopted").length, 2);
    assert.equal(all("worker-noise").length, 1);
  });
});

test("a worker that passes on without end has so many connections here", async () => {
  const { world, pool, all } = await running({ share: "balanced" });
  const [bad, good] = world.processes;
  score(bad!, { open: 9 });
  score(good!);
  const count = 10 * MAX_PASSES;
  const sent = [...Array(count).keys()].map((id) => {
    const connection = pass(bad!, id);
    // Also if it gives them up unasked.
    if (id % 2 === 0) bad!.say({ type: "gave", id });
    return connection;
  });
  await settle();
  assert.equal(pool.status().waiting, MAX_PASSES);
  // The others are its own to serve.
  const closed = sent.filter((each) => each.closed > 0).length;
  assert.equal(closed, count - MAX_PASSES);
  const noise = all("worker-noise");
  assert.equal(noise.length, NOISE_BURST);
  assert.match(noise[0]!.problem, /more than 64 connections at a time/);
  // What it does as it should still works.
  hear(good!);
  assert.deepEqual(got(good!), [0]);
  settleLast(good!);
  assert.equal(pool.status().waiting, MAX_PASSES - 1);
});
