/**
 * The pool in a disorderly world, against a small statement of what must hold
 * there (`pool_reference.ts`): 100,000 random events, which a seed repeats.
 *
 * Runs once, under bun: the world is a seeded generator's, so that each engine
 * sees the same one.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { MemoryWorld } from "../../adapters/memory.ts";
import { SHARE_MODES } from "../../core/options/share_mode.ts";
import { test } from "../harness.ts";
import { createRandom, type Random } from "../random.ts";
import { shrink } from "../shrink.ts";
import {
  boot,
  type Deed,
  drawDeeds,
  goWell,
  happen,
  passTime,
  say,
  type Scene,
} from "./pool_deeds.ts";
import { Reference, type ReferenceOptions } from "./pool_reference.ts";
import { settle, stage } from "./world.ts";

/** How much happens: deeds, and timers that fall due. */
const EVENTS = Number(process.env["TEST_MODEL_EVENTS"] ?? 100_000);

/** The seed to begin with, to see one again. */
const FIRST = Number(process.env["TEST_MODEL_SEED"] ?? 1);

/** So many deeds are one pool's. */
const DEEDS = 120;

const BUDGETS = [
  ...[[1, 0], [1, 0], [2, 0], [0, 1], [1, 1], [3, 2]],
  ...[["25%", "25%"], ["100%", 0], [0, "100%"]],
] as const;

function drawOptions(random: Random): ReferenceOptions {
  const share = random.pick(SHARE_MODES);
  const [maxSurge, maxUnavailable] = random.pick(BUDGETS);
  return {
    workers: random.whole(1, 5),
    maxWorkers: 6,
    share,
    maxSurge,
    maxUnavailable,
    standby: share === "reuseport" ? 0 : random.pick([0, 0, 1, 2]),
    rollback: random.pick(["park", "park", "restart", "none"]),
    probation: random.pick([0, 1_000, 10_000]),
    soak: random.pick([0, 1_000]),
    hangTimeout: random.pick([0, 30_000]),
    maxRequests: 1_000,
    signals: true,
  };
}

/** Sets up a pool all of whose workers are ready. */
async function begin(options: ReferenceOptions): Promise<Scene> {
  const set = stage(options, new MemoryWorld());
  const reference = new Reference(set, options);
  const scene: Scene = {
    ...set,
    reference,
    passed: [],
    balanced: options.share === "balanced",
    count: 0,
  };
  set.world.onSpawn = (process) => reference.begin(process);
  const started = set.pool.start();
  await settle();
  for (const one of reference.alive) boot(scene, one);
  await started;
  await settle();
  return scene;
}

/** From now on every worker boots, and leaves when it is asked to. */
async function calm(scene: Scene): Promise<void> {
  const { reference, pool } = scene;
  reference.broken = undefined;
  reference.failures = 0;
  for (let i = 0;; i++) {
    assert.ok(i < 400, `no calm: ${JSON.stringify(pool.status())}`);
    for (const one of reference.alive) {
      if (one.mute === undefined) continue;
      one.mute = undefined;
      one.process.say({ type: "heard", count: one.process.heard.length });
    }
    // A reload does not wait for those that a user keeps from accepting.
    if (pool.status().state !== "reloading") resumeAll(scene);
    await goWell(scene);
    const { state, ready, wanted, workers } = pool.status();
    const standbys = workers.filter((one) => one.state === "standby").length;
    const isCalm = (state === "running" || wanted === 0) && ready === wanted &&
      workers.length === wanted + standbys;
    if (isCalm) return;
    await passTime(scene, 1_000);
  }
}

/** Those that a user has quiesced accept again. */
function resumeAll({ reference, pool }: Scene): void {
  for (const { phase, slot } of reference.alive) {
    if (phase === "quiesced") void pool.resume(slot).catch(() => {});
  }
}

/** After any disorder it is whole again, reloads, and leaves nothing. */
async function finish(scene: Scene): Promise<void> {
  const { pool, reference, world, passed } = scene;
  await calm(scene);
  if (reference.wanted === 0) {
    reference.scale(1);
    pool.scale(1);
    await calm(scene);
  }
  for (const slot of [0, reference.wanted - 1]) {
    void pool.quiesce(slot, { force: true }).catch(() => {});
  }
  let reloaded = false;
  reference.reload();
  pool.reload().then(() => reloaded = true, () => {});
  await calm(scene);
  assert.ok(reloaded, "it reloads");
  const { workers, generation } = pool.status();
  for (const worker of workers) assert.equal(worker.generation, generation);
  await stop(scene);
  assert.equal(world.alive.length, 0);
  for (const { closed } of passed) assert.equal(closed, 1, "passed on");
}

async function stop(scene: Scene, quick = false): Promise<void> {
  const { pool, reference } = scene;
  reference.stopping = true;
  const stopped = pool.stop({ quick });
  await settle();
  for (const { process } of reference.alive) process.exit();
  await stopped;
  await settle();
  reference.checkEmpty();
}

/** Lets it all happen; returns how much has, and what did not hold. */
async function play(
  options: ReferenceOptions,
  deeds: readonly Deed[],
  end: "calm" | "stop" | "quick",
): Promise<{ readonly count: number; readonly failure?: Error }> {
  const scene = await begin(options);
  try {
    for (const deed of deeds) await happen(scene, deed);
    if (end === "calm") await finish(scene);
    else await stop(scene, end === "quick");
    return { count: scene.count };
  } catch (failure) {
    return { count: scene.count, failure: failure as Error };
  }
}

/** What has failed, whoever it has failed for. */
function kindOf(failure: Error | undefined): string | undefined {
  return failure?.message.replaceAll(/\n.*|\d+/gs, "");
}

/** Has a seed's pool live its life; throws with the shortest one that fails. */
async function live(seed: number): Promise<number> {
  const random = createRandom(seed);
  const options = drawOptions(random);
  const end = random.pick(["calm", "calm", "stop", "quick"] as const);
  const deeds = drawDeeds(random, DEEDS);
  const { count, failure } = await play(options, deeds, end);
  if (failure === undefined) return count;
  const { message } = failure;
  const kind = kindOf(failure);
  const short = await shrink(
    deeds,
    async (some) => kindOf((await play(options, some, end)).failure) === kind,
  );
  const last = (await play(options, short, end)).failure ?? failure;
  throw new Error(
    `seed ${seed} (TEST_MODEL_SEED=${seed}): ${message}\n` +
      `the shortest that fails: ${last.message}\n` +
      `${JSON.stringify(options)}, then ${end}\n${say(short)}`,
    { cause: last },
  );
}

test("over 100,000 events a pool does what it promises, and leaves nothing", async () => {
  let count = 0;
  for (let seed = FIRST; count < EVENTS; seed++) count += await live(seed);
});
