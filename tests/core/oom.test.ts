import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { ExitedWorker } from "../../core/options/hooks.ts";
import { LOOK_MS } from "../../core/supervise/oom.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage, stage } from "./world.ts";

const KILLED = { code: null, signal: "SIGKILL" } as const;

/** The kernel kills processes of a group, and counts it. */
function count(world: MemoryWorld, group = "/pool"): void {
  world.kills.set(group, (world.kills.get(group) ?? 0) + 1);
}

const reasons = ({ all }: Stage): string[] =>
  all("worker-exited").map(({ reason }) => reason);

describe("a worker that is killed for memory", () => {
  test("is told from one that somebody else has killed", async () => {
    const ends: ExitedWorker[] = [];
    const stage = await running({
      hooks: { exited: (worker) => ends.push(worker) },
    });
    const { world, all } = stage;
    const [first, second] = world.processes;
    world.rss.set(first!.pid, 530.2 * 2 ** 20);
    world.advance(LOOK_MS);
    await settle();
    world.advance(3_000);
    count(world);
    first!.exit(KILLED);
    second!.exit(KILLED);
    await settle();
    assert.deepEqual(reasons(stage), ["oom", "crashed"]);
    const [{ why, rss } = {}] = all("worker-exited");
    assert.equal(
      why,
      "the kernel has killed it for memory; it held 530.2 MiB 3 s before",
    );
    assert.equal(rss, 530.2 * 2 ** 20);
    assert.deepEqual(all("worker-respawning").map(({ reason }) => reason), [
      `it ran out of memory 8 s after it was ready: ${why}`,
      "it was ended by SIGKILL 8 s after it was ready",
    ]);
    assert.deepEqual(
      ends.map(({ crashed, oom, forced }) => ({ crashed, oom, forced })),
      [
        { crashed: true, oom: true, forced: false },
        { crashed: true, oom: false, forced: false },
      ],
    );
  });

  test("is counted in its own cgroup, and a wrapper tells it by its code", async () => {
    const world = new MemoryWorld();
    world.groups.set(1001, "/other");
    const stage = await running({}, world);
    const [first, second] = world.processes;
    count(world, "/other");
    second!.exit(KILLED);
    first!.exit({ code: 137 });
    await settle();
    assert.deepEqual(reasons(stage), ["crashed", "oom"]);
  });

  test("is not one that the pool has killed, nor one long after another process was", async () => {
    const stage = await running();
    const { world, pool } = stage;
    count(world);
    world.advance(LOOK_MS);
    await settle();
    world.advance(3 * LOOK_MS);
    await settle();
    world.processes[0]!.exit(KILLED);
    await settle();
    assert.deepEqual(reasons(stage), ["crashed"]);
    count(world);
    pool.stop({ quick: true });
    await settle();
    assert.deepEqual(reasons(stage).slice(1), ["killed", "killed"]);
  });

  test("at its start ends a pool that was never ready, and says so", async () => {
    const { world, pool } = stage({ workers: 1 });
    world.onSpawn = (process) =>
      queueMicrotask(() => {
        count(world);
        process.exit(KILLED);
      });
    await assert.rejects(
      pool.start(),
      /Cannot start the program: it ran out of memory before it was ready: the kernel has killed it for memory/,
    );
  });
});

describe("a heap that is full", () => {
  const NODE =
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory";
  const DENO = "# Fatal JavaScript out of memory: Reached heap limit";
  for (
    const [name, line, status] of [
      ["Node", NODE, { code: null, signal: "SIGABRT" }],
      ["Node in a wrapper", NODE, { code: 134 }],
      ["Deno", DENO, { code: null, signal: "SIGTRAP" }],
    ] as const
  ) {
    test(`ends a worker on ${name}, which says so`, async () => {
      const stage = await running({ output: "lines" });
      const [first] = stage.world.processes;
      first!.plan.onLine("stderr", line);
      first!.exit(status);
      await settle();
      const [{ reason, why } = {}] = stage.all("worker-exited");
      assert.equal(reason, "oom");
      assert.equal(why, `its heap was full: ${line}`);
    });
  }

  test("is not that of a child which says so, nor any abort", async () => {
    const stage = await running({ output: "lines" });
    const [first, second] = stage.world.processes;
    first!.plan.onLine("stderr", NODE);
    first!.exit({ code: 1 });
    second!.plan.onLine("stderr", "FATAL ERROR: something else");
    second!.exit({ code: null, signal: "SIGABRT" });
    await settle();
    assert.deepEqual(reasons(stage), ["crashed", "crashed"]);
  });
});
