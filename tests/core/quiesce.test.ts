/** A worker stops accepting because a user wants that, whatever happens then. */
import assert from "node:assert/strict";
import type { MemoryProcess } from "../../adapters/memory.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage } from "./world.ts";

interface Scene extends Stage {
  readonly workers: readonly MemoryProcess[];
  /** As "slot generation state", in order. */
  now(): string[];
}

/** A pool of three, of which that of slot 1 is quiesced. */
async function quiesced(
  options: Parameters<typeof running>[0] = {},
): Promise<Scene> {
  const made = await running({ workers: 3, soak: 0, ...options });
  const workers = made.world.processes.slice(0, 3);
  const done = made.pool.quiesce(1);
  await settle();
  workers[1]!.say({ type: "parked" });
  await done;
  return {
    ...made,
    workers,
    now: () =>
      made.pool.status().workers.map(({ slot, generation, state }) =>
        `${slot} ${generation} ${state}`
      ).sort(),
  };
}

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "done", (error: Error) => error.message);

/** Whoever is asked to leave does. */
async function leave({ world }: Stage): Promise<void> {
  for (const each of world.alive) if (each.wasTold("drain")) each.exit();
  await settle();
}

describe("a worker", () => {
  test("stops accepting, stays for any time, and accepts again", async () => {
    const { workers, now, world, pool, all } = await quiesced();
    assert.deepEqual(now(), ["0 1 ready", "1 1 quiesced", "2 1 ready"]);
    assert.deepEqual(all("worker-quiesced").map(({ slot }) => slot), [1]);
    assert.equal(pool.status().ready, 2);
    assert.equal(pool.status().state, "running");
    world.advance(86_400_000);
    await settle();
    assert.deepEqual(now(), ["0 1 ready", "1 1 quiesced", "2 1 ready"]);
    assert.equal(workers[1]!.wasTold("drain"), false);
    // A second word changes nothing.
    await pool.quiesce(1);
    const resumed = pool.resume(1);
    await settle();
    assert.deepEqual(now()[1], "1 1 resuming");
    workers[1]!.say({ type: "ready" });
    await resumed;
    await pool.resume(1);
    assert.equal(pool.status().ready, 3);
  });

  test("does what it is asked one after the other", async () => {
    const { pool, world } = await running({ workers: 3, soak: 0 });
    const worker = world.processes[1]!;
    let steps = "";
    const did = (step: string) => () => void (steps += step);
    const all = [
      pool.quiesce(1).then(did("q")),
      pool.quiesce(1).then(did("q")),
      pool.resume(1).then(did("r")),
      pool.resume(1).then(did("r")),
      pool.quiesce(1).then(did("q")),
    ];
    await settle();
    assert.equal(steps, "");
    worker.say({ type: "parked" });
    await settle();
    assert.equal(steps, "qq");
    worker.say({ type: "ready" });
    await settle();
    assert.equal(steps, "qqrr");
    worker.say({ type: "parked" });
    await Promise.all(all);
    assert.equal(steps, "qqrrq");
  });

  test("that ends fails what it was asked, and not what is asked next", async () => {
    const { pool, world } = await running({ workers: 3, soak: 0 });
    const quiesced = messageOf(pool.quiesce(1));
    const resumed = messageOf(pool.resume(1));
    await settle();
    world.processes[1]!.exit();
    assert.match(await quiesced, /slot 1 of the pool: it leaves or has ended$/);
    assert.equal(await resumed, "done", "another one accepts there");
  });

  test("that cannot stop says why, and is ready as before", async () => {
    const { pool, world } = await running();
    const told = messageOf(pool.quiesce(0));
    await settle();
    const [worker] = world.processes;
    worker!.say({ type: "unparkable", reason: "in the mode it cannot" });
    assert.equal(
      await told,
      "Cannot quiesce slot 0 of the pool: in the mode it cannot",
    );
    await settle();
    worker!.say({ type: "ready" });
    await settle();
    assert.equal(pool.status().ready, 2);
  });

  test("that does not answer is waited for, but not by the one who asks", async () => {
    const { pool, world } = await running();
    const told = messageOf(pool.quiesce(0));
    await settle();
    world.advance(5_000);
    assert.match(await told, /it has not answered for 5 s/);
    assert.equal(pool.status().workers[0]!.state, "quiesced");
  });

  test("that ends is one that has ended: another takes its place", async () => {
    const scene = await quiesced();
    scene.workers[1]!.exit({ code: 1 });
    await settle();
    scene.world.advance(1_000);
    await settle();
    assert.equal(scene.pool.status().ready, 3);
    assert.equal(scene.world.processes.length, 4);
  });

  test("is replaced by a restart, and when it says that it leaves", async () => {
    const scene = await quiesced();
    scene.pool.restart(1);
    await settle();
    assert.equal(scene.workers[1]!.wasTold("drain"), true);
    assert.equal(scene.pool.status().ready, 3);
    await leave(scene);
    const other = await quiesced();
    other.workers[1]!.say({ type: "leaving" });
    await settle();
    assert.equal(other.workers[1]!.wasTold("drain"), true);
    assert.equal(other.pool.status().ready, 3);
  });

  test("that has served enough meanwhile is recycled once it accepts", async () => {
    const { pool, workers, world } = await quiesced({
      maxAge: 60_000,
      recycleJitter: 0,
    });
    // The others are recycled meanwhile.
    for (const process of world.processes) {
      const { send } = process;
      process.send = (message) => {
        const sent = send.call(process, message);
        const { type } = message as { type?: string };
        if (type === "drain") queueMicrotask(() => process.exit());
        return sent;
      };
    }
    world.advance(60_001);
    await settle();
    assert.equal(workers[0]!.wasTold("drain"), true);
    assert.equal(workers[1]!.wasTold("drain"), false);
    void pool.resume(1);
    await settle();
    workers[1]!.say({ type: "ready" });
    await settle();
    assert.equal(workers[1]!.wasTold("drain"), true);
  });
});

describe("it is refused", () => {
  test("for the only one that is ready, unless forced", async () => {
    const { pool, world } = await running({ workers: 1 });
    assert.match(
      await messageOf(pool.quiesce(0)),
      /slot 0 of the pool: its worker is the only one that is ready/,
    );
    const forced = pool.quiesce(0, { force: true });
    await settle();
    world.processes[0]!.say({ type: "parked" });
    await forced;
    assert.equal(pool.status().ready, 0);
  });

  test("for a slot without a worker that is ready", async () => {
    const { pool } = await running();
    for (const slot of [2, -1]) {
      const why = /slot -?\d: it has no worker that is ready.* 0 to 1$/;
      assert.match(await messageOf(pool.quiesce(slot)), why);
      assert.match(await messageOf(pool.resume(slot)), why);
    }
  });

  test("in a reload, for one that is being replaced, and in a stop", async () => {
    const { pool, world } = await running({ soak: 0 });
    world.onSpawn = () => {};
    pool.restart(0);
    assert.match(await messageOf(pool.quiesce(0)), /about to be replaced/);
    const reload = messageOf(pool.reload());
    await settle();
    assert.match(await messageOf(pool.quiesce(1)), /a reload goes on/);
    void pool.stop();
    assert.match(await messageOf(pool.quiesce(1)), /it is stopping/);
    await reload;
  });
});

describe("with a worker that is quiesced", () => {
  for (
    const [maxSurge, maxUnavailable] of [[1, 0], [0, 1], ["100%", 0]] as const
  ) {
    test(`a reload replaces it first (${maxSurge}, ${maxUnavailable})`, async () => {
      const scene = await quiesced({ maxSurge, maxUnavailable });
      const reload = messageOf(scene.pool.reload());
      await settle();
      assert.equal(scene.workers[0]!.wasTold("drain"), maxSurge === "100%");
      assert.equal(scene.workers[1]!.wasTold("drain"), true);
      for (let i = 0; i < 4; i++) await leave(scene);
      assert.equal(await reload, "done");
      assert.deepEqual(scene.now(), ["0 2 ready", "1 2 ready", "2 2 ready"]);
    });
  }

  test("a reload that fails leaves another one of them as it is", async () => {
    const scene = await quiesced({ rollback: "park" });
    const { pool, world, workers } = scene;
    const second = pool.quiesce(2);
    await settle();
    workers[2]!.say({ type: "parked" });
    await second;
    world.onSpawn = (process) => queueMicrotask(() => process.exit());
    assert.match(await messageOf(pool.reload()), /Cannot reload: slot 1/);
    assert.deepEqual(scene.now(), [
      "0 1 ready",
      "1 1 quiesced",
      "2 1 quiesced",
    ]);
  });

  test("a scale takes it along with its slot", async () => {
    const scene = await quiesced();
    scene.pool.scale(1);
    await settle();
    assert.equal(scene.workers[1]!.wasTold("drain"), true);
    await leave(scene);
    assert.deepEqual(scene.now(), ["0 1 ready"]);
  });

  test("no other one leaves that the budget would miss", async () => {
    const scene = await quiesced({ maxSurge: 0, maxUnavailable: 1 });
    scene.pool.restart(0);
    await settle();
    assert.equal(scene.workers[0]!.wasTold("drain"), false);
    const resumed = scene.pool.resume(1);
    await settle();
    scene.workers[1]!.say({ type: "ready" });
    await resumed;
    await settle();
    assert.equal(scene.workers[0]!.wasTold("drain"), true);
  });

  test("an upgrade is refused", async () => {
    const { pool } = await quiesced();
    assert.match(
      await messageOf(pool.upgrade({ command: ["prefork"] })),
      /a worker is quiesced/,
    );
  });

  test("a stop ends it like the others", async () => {
    const scene = await quiesced();
    const stopped = scene.pool.stop();
    assert.equal(scene.workers[1]!.wasTold("drain"), true);
    await leave(scene);
    assert.deepEqual(await stopped, { killed: 0 });
  });
});
