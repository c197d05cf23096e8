import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import { checkHealthCheck } from "../../core/options/health_check.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";
import { settle, type Stage, stage } from "./world.ts";

const CHECK = { prefork: 1, type: "check", path: "/health" };

/** A worker that answers the request so, and what it is told later. */
function answering(
  answer: { status: number; reason: string } | undefined,
): (process: MemoryProcess) => void {
  return (process) =>
    queueMicrotask(async () => {
      if (process.env["PREFORK_STANDBY"] !== "1") return process.getReady();
      process.say({ type: "hello", runtime: "memory", pid: process.pid });
      process.say({ type: "standby" });
      await settle();
      assert.deepEqual(process.heard, [CHECK]);
      if (answer === undefined) return;
      process.say({ type: "checked", ...answer });
      await settle();
      if (process.wasTold("resume")) process.say({ type: "ready" });
    });
}

const WELL = { status: 204, reason: "" };

/** A pool of two whose first workers have answered well. */
async function checked(options: Partial<PoolOptions> = {}): Promise<Stage> {
  const world = new MemoryWorld();
  const made = stage({ check: "/health", soak: 0, ...options }, world);
  world.onSpawn = answering(WELL);
  await made.pool.start();
  await settle();
  return made;
}

/** Has workers that are told to leave do so. */
async function obey({ world }: Stage): Promise<void> {
  for (let i = 0; i < 5; i++) {
    for (const each of world.alive) {
      if (each.wasTold("drain")) each.exit();
      else if (each.wasTold("park")) each.say({ type: "parked" });
    }
    for (let n = 0; n < 5; n++) await settle();
  }
}

describe("check", () => {
  test("workers of the first start and of a reload are asked before they accept, those after a crash are not", async () => {
    const made = await checked();
    const { world, pool } = made;
    assert.equal(world.processes.length, 2);
    assert.ok(world.processes.every((each) => each.wasTold("resume")));
    world.processes[0]!.exit({ code: 1 });
    await settle();
    assert.equal(world.processes[2]!.env["PREFORK_STANDBY"], undefined);
    const reload = pool.reload();
    await obey(made);
    await reload;
    assert.deepEqual(
      world.processes.slice(3).map(({ env }) => env["PREFORK_STANDBY"]),
      ["1", "1"],
    );
    assert.equal(pool.status().ready, 2);
  });

  for (
    const [answer, reason] of [
      [
        { status: 503, reason: "Service Unavailable" },
        "GET /health was answered with 503 Service Unavailable",
      ],
      [{ status: 404, reason: "" }, "GET /health was answered with 404"],
      [
        { status: 0, reason: "ECONNRESET" },
        "GET /health got no answer: ECONNRESET",
      ],
      [undefined, "GET /health was not answered in 5 s"],
    ] as const
  ) {
    test(`a reload fails, and nobody of it has accepted: ${reason}`, async () => {
      const made = await checked({ rollback: "park" });
      const { world, pool } = made;
      world.onSpawn = answering(answer);
      const failed = assert.rejects(pool.reload(), {
        code: "ERR_RELOAD",
        message:
          `Cannot reload: slot 0: ${reason}; what serves now is generation 1 in slots 0-1`,
      });
      for (let i = 0; i < 5; i++) await settle();
      if (answer === undefined) {
        world.advance(4_999);
        await settle();
        assert.equal(world.processes[2]!.alive, true);
        world.advance(1);
      }
      await failed;
      assert.equal(world.processes[2]!.wasTold("resume"), false);
      assert.equal(world.processes[2]!.alive, false);
      assert.deepEqual(
        made.all("worker-exited").map(({ reason }) => reason),
        ["boot-failed"],
      );
      assert.equal(pool.status().ready, 2);
    });
  }

  test("a redirect is well, and what comes too late or unasked changes nothing", async () => {
    const made = await checked();
    const { world, pool } = made;
    world.onSpawn = answering({ status: 301, reason: "Moved Permanently" });
    const reload = pool.reload();
    await obey(made);
    await reload;
    const [worker] = world.alive;
    worker!.say({ type: "checked", status: 500, reason: "" });
    await settle();
    assert.deepEqual(made.all("worker-noise").map(({ problem }) => problem), [
      "it tells of a request that was not made",
    ]);
    assert.equal(pool.status().ready, 2);
  });

  test("a first start that is not answered well is none", async () => {
    const world = new MemoryWorld();
    world.onSpawn = answering({ status: 500, reason: "Oh" });
    const { pool } = stage({ check: "/health" }, world);
    await assert.rejects(pool.start(), {
      code: "ERR_BOOT",
      message: "Cannot start the program: GET /health was answered with 500 Oh",
    });
  });

  test("a stop in the middle of it leaves nobody", async () => {
    const made = await checked();
    made.world.onSpawn = answering(undefined);
    const failed = assert.rejects(made.pool.reload(), { code: "ERR_STATE" });
    for (let i = 0; i < 5; i++) await settle();
    const stop = made.pool.stop();
    await obey(made);
    await failed;
    assert.deepEqual(await stop, { killed: 0 });
  });

  test("reuseport and programs in other languages cannot be asked", async () => {
    await assert.rejects(checked({ share: "reuseport" }), {
      code: "ERR_SHARE_MODE",
      message: /^Cannot check workers in "reuseport", .* leave "check" out$/,
    });
    await assert.rejects(checked({ program: "app", runtime: "exec" }), {
      name: "TypeError",
      message:
        /^Cannot check workers of "app": .* any of them may answer .*readyNotify.*, leave "check" out$/,
    });
  });

  test("what is no path, and no time, is refused", () => {
    for (
      const check of ["health", "/a b", "/\n", "", "http://x/", "/é", "/#c"]
    ) {
      assert.throws(() => checkHealthCheck({ check }), {
        name: "TypeError",
        message: /for "check"|"check" /,
      }, check);
    }
    assert.throws(() => checkHealthCheck({ check: "/", checkTimeout: 0 }), {
      name: "RangeError",
      message: /leave "check" out/,
    });
    assert.equal(checkHealthCheck({ check: "/a?b=%20" }).check, "/a?b=%20");
  });
});
