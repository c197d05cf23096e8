/**
 * The pool in a disorderly world.
 *
 * Runs once, under bun: the world is a seeded generator's, so that each engine
 * sees the same one.
 */
import assert from "node:assert/strict";
import type { MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import { SHARE_MODES } from "../../core/options/share_mode.ts";
import { test } from "../harness.ts";
import { createRandom, type Random } from "../random.ts";
import { hear, pass, score } from "./passing_scene.ts";
import type { Conn } from "./backends.ts";
import { running, settle, type Stage } from "./world.ts";

/** Something happens to a pool, mostly bad. */
function disturb({ pool, world }: Stage, random: Random): string {
  const dice = random.next();
  if (dice < 0.05) {
    const workers = random.whole(0, 5);
    pool.scale(workers);
    return `scale ${workers}`;
  }
  if (dice < 0.15) {
    pool.reload().catch(() => {});
    return "reload";
  }
  if (dice < 0.3 || world.alive.length === 0) {
    const ms = random.pick([1, 100, 1_000, 31_000]);
    world.advance(ms);
    return `advance ${ms}`;
  }
  const one = random.pick(world.alive);
  const who = one.pid;
  if (dice < 0.65) {
    one.getReady();
    return `ready ${who}`;
  }
  if (dice < 0.72) {
    one.say({ type: "leaving" });
    return `leaving ${who}`;
  }
  if (dice < 0.75) {
    const refuses = random.chance(0.3);
    one.say(
      refuses ? { type: "unparkable", reason: "no" } : {
        type: "parked",
      },
    );
    return `${refuses ? "unparkable" : "parked"} ${who}`;
  }
  if (dice < 0.8) {
    one.plan.onMessage(random.pick<unknown>([null, 5, { prefork: 9 }, [1]]));
    return `noise ${who}`;
  }
  one.exit(random.pick([{ code: 0 }, { code: 1 }, { signal: "SIGSEGV" }]));
  return `exit ${who}`;
}

/** A worker passes connections on, or answers, or lies. */
function passAround({ world }: Stage, random: Random, passed: Conn[]): string {
  if (world.alive.length === 0) return "nobody";
  const one = random.pick(world.alive);
  const id = random.whole(0, passed.length);
  const acts: Readonly<Record<string, () => void>> = {
    pass: () => passed.push(pass(one, passed.length)),
    again: () => passed.push(pass(one, id)),
    elsewhere: () => passed.push(pass(one, passed.length, "elsewhere")),
    score: () => score(one, { open: random.whole(0, 9) }),
    mute: () => score(one, { takes: false }),
    heard: () => hear(one),
    lie: () => one.say({ type: "heard", count: 5 }),
    gave: () => one.say({ type: "gave", id }),
    kept: () => one.say({ type: "kept", id }),
    taken: () => one.received.at(-1)?.settle(true),
    refused: () => one.received.at(-1)?.settle(false),
  };
  const [name, act] = random.pick(Object.entries(acts));
  act();
  return `${name} ${one.pid}`;
}

/** From now on every worker boots, and leaves when it is asked to. */
async function calm({ pool, world }: Stage, story: string): Promise<void> {
  const behave = (process: MemoryProcess): void => process.getReady();
  world.onSpawn = (process) => queueMicrotask(() => behave(process));
  for (const process of world.alive) behave(process);
  for (let i = 0;; i++) {
    assert.ok(i < 200, `no calm: ${JSON.stringify(pool.status())}\n${story}`);
    leaveAsAsked(world);
    for (const process of world.alive) {
      if (process.wasTold("resume")) process.say({ type: "ready" });
    }
    world.advance(1_000);
    await settle();
    const { state, ready, wanted, workers } = pool.status();
    if (state !== "running") continue;
    if (ready === wanted && workers.length === wanted) return;
  }
}

function leaveAsAsked(world: MemoryWorld): void {
  for (const process of world.alive) {
    if (process.wasTold("drain") || process.signals.includes("SIGTERM")) {
      process.exit();
    }
  }
}

for (const share of SHARE_MODES) {
  test(`after any disorder a pool is whole again, reloads and stops, ${share}`, async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = createRandom(seed);
      const stage = await running({
        workers: random.whole(1, 4),
        share,
        rollback: random.pick(["park", "park", "restart", "none"] as const),
        probation: random.pick([0, 1_000, 10_000]),
      });
      const { pool, world } = stage;
      world.onSpawn = () => {};
      const story = [`seed ${seed}`];
      const passed: Conn[] = [];
      for (let turn = 0; turn < 80; turn++) {
        const passes = share === "balanced" && random.chance(0.6);
        story.push(
          passes ? passAround(stage, random, passed) : disturb(stage, random),
        );
        if (random.chance(0.5)) await settle();
      }
      const told = story.join("; ");
      await calm(stage, told);

      if (pool.status().wanted === 0) pool.scale(1);
      let reloaded = false;
      pool.reload().then(() => reloaded = true, () => {});
      await calm(stage, told);
      assert.ok(reloaded, told);
      const { workers, generation } = pool.status();
      for (const worker of workers) {
        assert.equal(worker.generation, generation, told);
      }

      const stop = pool.stop();
      leaveAsAsked(world);
      await stop;
      assert.equal(world.alive.length, 0, told);
      assert.equal(world.bound.size, 0, told);
      for (const { closed } of passed) assert.equal(closed, 1, told);
    }
  });
}
