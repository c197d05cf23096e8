import assert from "node:assert/strict";
import type { MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import { SHARE_MODES } from "../../core/share_mode.ts";
import { test } from "../harness.ts";
import { createRandom, type Random } from "../random.ts";
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
  if (dice < 0.75) {
    one.say({ type: "leaving" });
    return `leaving ${who}`;
  }
  if (dice < 0.8) {
    one.plan.onMessage(random.pick<unknown>([null, 5, { prefork: 9 }, [1]]));
    return `noise ${who}`;
  }
  one.exit(random.pick([{ code: 0 }, { code: 1 }, { signal: "SIGSEGV" }]));
  return `exit ${who}`;
}

/** From now on every worker boots, and leaves when it is asked to. */
async function calm({ pool, world }: Stage, story: string): Promise<void> {
  const behave = (process: MemoryProcess): void => process.getReady();
  world.onSpawn = (process) => queueMicrotask(() => behave(process));
  for (const process of world.alive) behave(process);
  for (let i = 0;; i++) {
    assert.ok(i < 200, `no calm: ${JSON.stringify(pool.status())}\n${story}`);
    leaveAsAsked(world);
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
      const stage = await running({ workers: random.whole(1, 4), share });
      const { pool, world } = stage;
      world.onSpawn = () => {};
      const story = [`seed ${seed}`];
      for (let turn = 0; turn < 80; turn++) {
        story.push(disturb(stage, random));
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
    }
  });
}
