import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { heapOf } from "../../core/launch/heap_limit.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage, stage } from "./world.ts";

const MIB = 2 ** 20;
/** What the supervisor of these worlds holds. */
const OWN = 50e6;

/** The arguments of the runtime that the first worker was started with. */
function argsOf({ world }: Stage): string {
  return world.processes[0]!.plan.command.slice(1).join(" ");
}

async function limited(
  options: Partial<PoolOptions>,
  world = new MemoryWorld(),
): Promise<Stage> {
  return await running({ memory: OWN + 3 * 512 * MIB, ...options }, world);
}

describe("the pool's memory", () => {
  test("is divided by the workers that there may be, standbys included", async () => {
    for (
      const [options, heap] of [
        [{}, 384],
        [{ workers: 1 }, 576],
        [{ maxSurge: 0, maxUnavailable: 1 }, 576],
        [{ maxSurge: "100%" }, 288],
        [{ standby: 3 }, 192],
      ] as const
    ) {
      assert.match(
        argsOf(await limited(options)),
        new RegExp(`--max-old-space-size=${heap} `),
        JSON.stringify(options),
      );
    }
  });

  test('"auto" is the limit of the cgroup', async () => {
    const world = new MemoryWorld();
    world.memoryLimit = OWN + 3 * 256 * MIB;
    const stage = await running({ memory: "auto" }, world);
    assert.match(argsOf(stage), /--max-old-space-size=192 /);
    assert.deepEqual(stage.all("warning"), []);
  });

  test("without one a line says so, and nothing is limited", async () => {
    const stage = await running({ memory: "auto" });
    assert.doesNotMatch(argsOf(stage), /max-old-space/);
    assert.match(
      stage.all("warning").map(({ message }) => message).join(),
      /no cgroup of this process has a limit: set one, or give the number as "memory"/,
    );
  });

  test("too little, and more than the cgroup has, is said", async () => {
    const world = new MemoryWorld();
    world.memoryLimit = OWN + 3 * 64 * MIB;
    const { all } = await running({ memory: OWN + 3 * 80 * MIB }, world);
    const told = all("warning").map(({ message }) => message);
    assert.match(told[0]!, /^the kernel ends processes of this cgroup before/);
    assert.match(told[1]!, /^each worker has 80.0 MiB of the pool's memory/);
  });

  test("has a worker recycled at 80 % of its part, unless --max-rss says when", async () => {
    for (const maxRss of [undefined, 500 * MIB]) {
      const { world, all } = await limited(maxRss ? { maxRss } : {});
      const [{ pid } = { pid: 0 }] = world.processes;
      for (const mib of [409, 410]) {
        world.rss.set(pid, mib * MIB);
        world.advance(5_000);
        await settle();
      }
      assert.deepEqual(
        all("worker-recycling").map(({ why }) => why),
        maxRss ? [] : ["it holds 410.0 MiB, its limit is 409.6 MiB"],
      );
    }
  });

  for (const bad of [0, -1, 1, NaN, "2G", null]) {
    test(`${JSON.stringify(bad)}, a ${typeof bad}, is none`, () => {
      assert.throws(
        () => stage({ memory: bad as number }),
        /"memory": it must be a number of bytes from 67108864 on, or "auto"/,
      );
    });
  }
});

describe("the limit of a heap", () => {
  test("is three quarters of the part, and leaves 64 MiB", () => {
    assert.deepEqual(
      [64, 90, 128, 256, 512, 2048].map((mib) => heapOf(mib * MIB)),
      [16, 26, 64, 192, 384, 1536],
    );
  });

  test("is one of V8's flags on Deno, with those that are given", async () => {
    assert.match(
      argsOf(await limited({ runtime: "deno" })),
      /^run .* --v8-flags=--max-old-space-size=384 app.js$/,
    );
    const runtimeArgs = ["--v8-flags=--stack-size=900", "--quiet"];
    assert.match(
      argsOf(await limited({ runtime: "deno", runtimeArgs })),
      / --v8-flags=--max-old-space-size=384,--stack-size=900 --quiet app.js$/,
    );
  });

  test("is none on Bun", async () => {
    assert.doesNotMatch(argsOf(await limited({ runtime: "bun" })), /max-old/);
  });

  test("goes by variables to what a command starts", async () => {
    const { world } = await limited({
      program: "npm",
      args: ["start"],
      runtime: "exec",
      env: { NODE_OPTIONS: "--no-warnings" },
    });
    const { NODE_OPTIONS, DENO_V8_FLAGS } = world.processes[0]!.env;
    assert.match(
      NODE_OPTIONS!,
      /^--max-old-space-size=384 --no-warnings --import /,
    );
    assert.equal(DENO_V8_FLAGS, "--max-old-space-size=384");
  });

  test("is the user's own where there is one", async () => {
    const own = "--max-old-space-size=100";
    const given: Partial<PoolOptions>[] = [
      { runtimeArgs: [own] },
      { runtimeArgs: ["--max_old_space_size=100"] },
      { runtimeArgs: ["--max-old-space-size-percentage=50"] },
      { env: { NODE_OPTIONS: own } },
      { runtime: "deno", runtimeArgs: [`--v8-flags=${own}`] },
      { runtime: "deno", env: { DENO_V8_FLAGS: own } },
    ];
    for (const options of given) {
      const stage = await limited(options);
      assert.doesNotMatch(argsOf(stage), /384/, JSON.stringify(options));
    }
    const { world } = await limited({
      program: "npm",
      runtime: "exec",
      env: { NODE_OPTIONS: own },
    });
    assert.doesNotMatch(world.processes[0]!.env["NODE_OPTIONS"]!, /384/);
  });
});

describe("a reload", () => {
  async function reloaded(mib: number): Promise<Stage> {
    const stage = await limited({ rollback: "park", probation: 10_000 });
    for (const { pid } of stage.world.processes) {
      stage.world.rss.set(pid, mib * MIB);
    }
    stage.world.advance(5_000);
    await settle();
    stage.pool.reload().catch(() => {});
    await settle();
    return stage;
  }
  const begun = ({ all }: Stage) => {
    const [{ type: _, ...rest } = {}] = all("reload-started");
    return rest;
  };

  test("parks old workers where there is memory for them", async () => {
    const stage = await reloaded(384);
    assert.deepEqual(begun(stage), { generation: 2 });
    assert.equal(stage.pool.status().reload?.unparked, undefined);
    stage.world.advance(2_000);
    await settle();
    assert.equal(stage.all("worker-parked").length > 0, true);
  });

  test("starts the old version anew where there is none, and says so", async () => {
    const stage = await reloaded(385);
    const why =
      "the pool holds 817.7 MiB, and with 2 parked workers 1587.7 MiB, of 1583.7 MiB (memory)";
    assert.deepEqual(begun(stage), { generation: 2, rollback: "restart", why });
    assert.equal(stage.pool.status().reload?.unparked, why);
    stage.world.advance(2_000);
    await settle();
    assert.equal(stage.all("worker-draining").length > 0, true);
    assert.equal(stage.all("worker-parked").length, 0);
  });
});
