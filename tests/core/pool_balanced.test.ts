import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import type { SharedFile } from "../../core/adapter.ts";
import type { Seat } from "../../core/balance/scoreboard.ts";
import { decodeInheritance } from "../../core/launch/environment.ts";
import { describe, test } from "../harness.ts";
import { hear, pass, score } from "./passing_scene.ts";
import { running, settle } from "./world.ts";

const seatOf = (process: MemoryProcess): Seat | undefined =>
  decodeInheritance(process.env)!.seat;

describe("the scoreboard", () => {
  test("is inherited after the sockets, and each worker has its own seat", async () => {
    const { world } = await running({ listen: [":1", ":2"], workers: 3 });
    for (const [i, process] of world.processes.entries()) {
      assert.deepEqual(process.plan.inherits.map(({ fd }) => fd), [10, 10, 11]);
      assert.deepEqual(seatOf(process), {
        fd: 5,
        seat: i,
        weight: 1,
        passes: true,
        rebalance: "on",
      });
    }
  });

  test("comes with what ends connections there are too many of", async () => {
    for (const rebalance of ["on", "off", "websockets"] as const) {
      const { world } = await running({ rebalance });
      const expected = rebalance === "off" ? undefined : rebalance;
      assert.equal(seatOf(world.processes[0]!)!.rebalance, expected);
    }
  });

  test("is not there where no listener is balanced", async () => {
    for (const share of ["shared", "sharded", "handoff"] as const) {
      const { world } = await running({ share });
      assert.equal(seatOf(world.processes[0]!), undefined);
      assert.equal(world.processes[0]!.plan.inherits.at(-1)?.fd === 11, false);
    }
  });

  test("has no trace of a worker that is gone when its seat is given again", async () => {
    const { world, pool } = await running();
    const [first, second] = world.processes;
    score(first!, { open: 7 });
    score(second!, { open: 8 });
    const open = () => pool.status().workers.map((each) => each.connections);
    assert.deepEqual(open(), [7, 8]);
    first!.exit({ code: null, signal: "SIGKILL" });
    await settle();
    world.advance(1_000);
    await settle();
    const third = world.processes[2]!;
    assert.equal(seatOf(third)!.seat, seatOf(first!)!.seat);
    assert.deepEqual(open(), [0, 8]);
  });

  test("says whether this supervisor passes connections on", async () => {
    const world = new MemoryWorld();
    Object.assign(world.adapter.capabilities, { receives: false });
    const { all } = await running({}, world);
    assert.equal(seatOf(world.processes[0]!)!.passes, false);
    assert.equal(all("listening")[0]!.share, "balanced");
  });

  test("is closed when the pool has ended", async () => {
    const { world, pool } = await running();
    const file = world.processes[0]!.plan.inherits.at(-1) as SharedFile;
    let closed = 0;
    file.close = () => closed++;
    const stop = pool.stop();
    for (const process of world.processes) process.exit();
    await stop;
    assert.equal(closed, 1);
  });
});

test("each slot has its weight, also after a reload", async () => {
  const { world, pool } = await running({ weights: [2, 0.5], workers: 3 });
  const weights = () => world.alive.map((each) => seatOf(each)!.weight);
  assert.deepEqual(weights(), [2, 0.5, 1]);
  pool.reload().catch(() => {});
  for (let i = 0; i < 5; i++) {
    world.advance(1_000);
    await settle();
    for (const each of world.alive) if (each.wasTold("drain")) each.exit();
    await settle();
  }
  assert.equal(pool.status().generation, 2);
  assert.deepEqual(weights(), [2, 0.5, 1]);
});

describe("the status", () => {
  test("shows what each worker says of itself, and what waits", async () => {
    const { world, pool } = await running();
    const [first, second] = world.processes;
    score(first!, { open: 25, accepted: 40, passedOn: 3, takenOver: 1 });
    score(second!, { open: 24, accepted: 20, passedOn: 0, takenOver: 3 });
    const loads = () =>
      pool.status().workers.map((
        { connections, accepted, passedOn, takenOver },
      ) => [connections, accepted, passedOn, takenOver]);
    assert.deepEqual(loads(), [[25, 40, 3, 1], [24, 20, 0, 3]]);
    score(second!, { open: 0 });
    assert.deepEqual(loads(), [[25, 40, 3, 1], [0, 0, 0, 0]]);
    assert.equal(pool.status().waiting, 0);
    pass(first!, 1);
    assert.equal(pool.status().waiting, 1);
    hear(second!);
    first!.say({ type: "gave", id: 1 });
    assert.equal(pool.status().waiting, 0);
  });

  test("of many workers is one look at the scoreboard", async () => {
    const { world, pool } = await running({ workers: 8 });
    const file = world.processes[0]!.plan.inherits.at(-1) as SharedFile;
    const { read } = file;
    let looks = 0;
    file.read = (into) => {
      looks++;
      return read(into);
    };
    pool.status();
    assert.equal(looks, 1);
  });

  test("counts nothing where nobody says anything", async () => {
    const { pool } = await running({ share: "shared" });
    for (const worker of pool.status().workers) {
      const { connections, accepted, passedOn, takenOver } = worker;
      assert.deepEqual([connections, accepted, passedOn, takenOver], [
        0,
        0,
        0,
        0,
      ]);
    }
  });
});

describe("what nobody has asked for is balanced for", () => {
  const share = async (program: string, ...args: string[]) => {
    const { all } = await running({ program, args, runtime: "exec" });
    const { share, reason } = all("listening")[0]!;
    return `${share}: ${reason}`;
  };
  const best =
    "balanced: one queue for all workers, and the least loaded go first";

  test("a program in JavaScript", async () => {
    const { all } = await running();
    assert.equal(all("listening")[0]!.share, "balanced");
  });

  for (
    const line of [
      "npm start",
      "npx tsx server.ts",
      "bun run start",
      "env A=1 node server.js",
    ]
  ) {
    test(`"${line}", behind which there is one`, async () => {
      const [program, ...args] = line.split(" ");
      assert.equal(await share(program!, ...args), best);
    });
  }

  test("but no program in another language", async () => {
    assert.equal(
      await share("python3", "app.py"),
      "shared: not balanced because a program in another language cannot say how loaded it is",
    );
  });

  test("nor a pool in which one of them is", async () => {
    const { all } = await running({ runtime: { node: 1, exec: 1 } });
    assert.equal(all("listening")[0]!.share, "shared");
  });
});
