import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import type { ProcessLook } from "../../core/adapter/look.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { DEAF_MS, LOOK_MS } from "../../core/supervise/deaf.ts";
import { describe, test } from "../harness.ts";
import { settle, type Stage, stage } from "./world.ts";

const SOCKET = "127.0.0.1:8080";

const IDLE: ProcessLook = {
  pid: 1001,
  state: "S",
  session: 1001,
  cpu: 100,
  mainCpu: 90,
  waited: 0,
  rss: 50_000_000,
  dumps: false,
};

/** Long enough for a verdict, with the first look before it. */
const VERDICT = DEAF_MS + 2 * LOOK_MS;

/** A pool in memory whose workers answer, and do nothing by themselves. */
interface Scene extends Stage {
  /** Those whose event loop stands still. */
  readonly hanging: Set<MemoryProcess>;
  /** Whether new workers become ready. */
  readonly boots: { now: boolean };
  /** Lets time pass in small steps. */
  pass(ms: number, meanwhile?: () => void): Promise<void>;
}

async function scene(options: Partial<PoolOptions> = {}): Promise<Scene> {
  const world = new MemoryWorld();
  const hanging = new Set<MemoryProcess>();
  const boots = { now: true };
  const made = stage(options, world);
  world.onSpawn = (process) => {
    const send = process.send.bind(process);
    process.send = (message) => {
      const sent = send(message);
      const { type } = message as { type?: unknown };
      if (type === "wake" && !hanging.has(process)) {
        process.say({ type: "heard", count: 1 });
      }
      if (type === "resume") process.say({ type: "ready" });
      return sent;
    };
    world.looks.set(process.pid, IDLE);
    if (boots.now) queueMicrotask(() => process.getReady());
  };
  await made.pool.start();
  return {
    ...made,
    hanging,
    boots,
    async pass(ms, meanwhile = () => {}) {
      for (let passed = 0; passed < ms; passed += 500) {
        meanwhile();
        world.advance(500);
        await settle();
      }
    },
  };
}

/** Whom the pool has asked to leave. */
const leaving = ({ world }: Scene): number[] =>
  world.processes.filter((each) => each.wasTold("drain"))
    .map(({ pid }) => pid);

describe("a worker that accepts nothing of what waits", () => {
  test("is replaced, with a line that says why", async () => {
    const made = await scene({ workers: 1 });
    const { world, pass, all } = made;
    world.queued.set(SOCKET, 252);
    await pass(DEAF_MS - LOOK_MS);
    assert.deepEqual(all("worker-deaf"), []);
    await pass(3 * LOOK_MS);
    const [{ type: _, idle, ...told } = { type: 0, idle: 0 }] = all(
      "worker-deaf",
    );
    assert.ok(idle >= DEAF_MS);
    assert.deepEqual(told, {
      slot: 0,
      generation: 1,
      pid: 1001,
      listener: SOCKET,
      queued: 252,
      why:
        `252 connections wait on ${SOCKET}, and it has accepted none for 6 s though its event loop turns, it does nothing and holds none`,
    });
    assert.deepEqual(leaving(made), [1001]);
    assert.equal(world.alive.length, 2);
    assert.match(all("worker-respawning")[0]!.reason, /^it went deaf: 252 /);
    world.queued.clear();
    world.processes[0]!.exit();
    await settle();
    assert.deepEqual(
      all("worker-exited").map(({ reason }) => reason),
      ["deaf"],
    );
    assert.equal(all("worker-respawning").length, 1);
  });

  test("is one of several: one at a time, the next when the first one's successor is there and does not help", async () => {
    const made = await scene({ workers: 3 });
    const { world, pass, boots } = made;
    world.queued.set(SOCKET, 5);
    boots.now = false;
    await pass(3 * VERDICT);
    assert.deepEqual(leaving(made), [1001]);
    world.processes[3]!.getReady();
    await settle();
    await pass(LOOK_MS);
    assert.deepEqual(leaving(made), [1001]);
    await pass(VERDICT);
    assert.deepEqual(leaving(made), [1001, 1002]);
    world.queued.clear();
    boots.now = true;
    world.processes[4]!.getReady();
    await pass(3 * VERDICT);
    assert.deepEqual(leaving(made), [1001, 1002]);
  });

  test("of a new version takes a reload back", async () => {
    const made = await scene({ rollback: "park", probation: 60_000 });
    const { world, pool, pass, all } = made;
    const reload = pool.reload();
    await pass(3_000);
    assert.equal(all("reload-probation").length, 1);
    world.queued.set(SOCKET, 5);
    await pass(VERDICT);
    world.queued.clear();
    await pass(1_000);
    for (const each of world.alive) if (each.wasTold("drain")) each.exit();
    await assert.rejects(reload, /slot 0: it went deaf: 5 connections wait/);
  });
});

describe("nobody is deaf", () => {
  const SPARED: Readonly<
    Record<string, (made: Scene, process: MemoryProcess) => void>
  > = {
    "while the queue is empty now and then": ({ world, pool }) => {
      const [{ age } = { age: 0 }] = pool.status().workers;
      world.queued.set(SOCKET, age % (2 * LOOK_MS) < LOOK_MS ? 5 : 0);
    },
    "who holds connections": ({ world }, { pid }) =>
      void world.accepted.set(pid, 1),
    "who does something": ({ world }, { pid }) => {
      const look = world.looks.get(pid)!;
      world.looks.set(pid, { ...look, cpu: look.cpu + 50 });
    },
    "who has to wait for a CPU": ({ world }, { pid }) => {
      const look = world.looks.get(pid)!;
      world.looks.set(pid, { ...look, waited: look.waited + 250 });
    },
    "whose event loop stands still": ({ hanging }, process) =>
      void hanging.add(process),
    "of whom nothing can be seen": ({ world }, { pid }) =>
      void world.looks.delete(pid),
    "who has closed its server": (_, process) =>
      process.say({ type: "left", listener: SOCKET }),
    "whose server takes none": (_, process) =>
      process.say({ type: "limit", listener: SOCKET, total: 0 }),
    "after a look that came late": ({ world }) => world.standStill(4_000),
  };
  for (const [who, spare] of Object.entries(SPARED)) {
    test(who, async () => {
      const made = await scene({ workers: 1 });
      const { world, pass, all } = made;
      world.queued.set(SOCKET, 5);
      await pass(3 * VERDICT, () => spare(made, world.processes[0]!));
      assert.deepEqual(all("worker-deaf"), []);
      assert.equal(world.processes.length, 1);
    });
  }

  test("who is parked, or stands by", async () => {
    const made = await scene({
      workers: 1,
      standby: 1,
      rollback: "park",
      probation: 100_000,
    });
    const { world, pool, pass, all } = made;
    pool.reload().catch(() => {});
    await pass(3_000);
    const serving = world.processes.filter(({ pid }) =>
      pool.status().workers.some((each) =>
        each.pid === pid && each.state === "ready"
      )
    );
    assert.equal(serving.length, 1);
    world.accepted.set(serving[0]!.pid, 1);
    world.queued.set(SOCKET, 5);
    await pass(2 * VERDICT);
    assert.deepEqual(all("worker-deaf"), []);
  });

  test("in a listener whose connections the supervisor accepts", async () => {
    const { world, pass, all } = await scene({ share: "handoff" });
    world.queued.set(SOCKET, 5);
    await pass(2 * VERDICT);
    assert.deepEqual(all("worker-deaf"), []);
  });

  test("but the worker whose own shard waits", async () => {
    const { world, pass, all } = await scene({ share: "sharded" });
    world.queued.set(SOCKET, 5);
    await pass(VERDICT);
    assert.equal(all("worker-deaf").length, 1);
  });
});
