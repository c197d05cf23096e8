import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import type { Seat } from "../../core/balance/scoreboard.ts";
import { decodeInheritance } from "../../core/launch/environment.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import type { Listener } from "../../core/listeners/listeners.ts";
import type { PoolWorker } from "../../core/worker.ts";
import { Steering } from "../../core/steer/steering.ts";
import { HEAVIEST, loadIn } from "../../core/steer/table.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage } from "./world.ts";

const seatOf = (process: MemoryProcess): Seat | undefined =>
  decodeInheritance(process.env)!.seat;

/** What a worker does before it is ready: it says that it writes. */
function announce(world: MemoryWorld, process: MemoryProcess): void {
  const { slot } = decodeInheritance(process.env)!;
  const seat = seatOf(process);
  if (seat === undefined) return;
  world.steered.table?.set(slot, "writer", seat.seat + 1);
}

/** A sharded pool of two slots, and of four that there can be. */
async function steered(
  options: Partial<PoolOptions> = {},
  prepare: (world: MemoryWorld) => void = () => {},
): Promise<Stage> {
  const world = new MemoryWorld();
  world.steered.problem = undefined;
  prepare(world);
  const made = { share: "sharded", maxWorkers: 4, ...options } as const;
  const starting = running(made, world);
  world.onSpawn = (process) => {
    announce(world, process);
    queueMicrotask(() => process.getReady());
  };
  return await starting;
}

/** The steering of two slots, without a pool. */
function alone(weights?: readonly number[]) {
  const world = new MemoryWorld();
  world.steered.problem = undefined;
  const listener = {
    mode: "sharded",
    address: "127.0.0.1:8080",
    sockets: [{ fd: 3 }, { fd: 4 }],
  } as unknown as Listener;
  const { adapter } = world;
  const steering = new Steering("ebpf", [listener], adapter, () => {}, weights);
  return { steering, table: world.steered.table! };
}

/** A worker of that slot, which has the seat of the same number. */
const worker = (slot: number): PoolWorker =>
  ({ slot, seat: slot, steers: false }) as PoolWorker;

const owners = ({ world }: Stage): number[] =>
  [0, 1, 2, 3].map((slot) => world.steered.table!.get(slot, "owner"));

describe("steering", () => {
  test("gives each worker the table, and each slot its owner", async () => {
    const stage = await steered();
    const { world, all } = stage;
    assert.deepEqual(
      world.processes.map((each) => seatOf(each)),
      [0, 1].map((seat) => ({
        fd: 7,
        seat,
        weight: 1,
        passes: false,
        rebalance: "on",
        steer: { fd: 8, slots: 4 },
      })),
    );
    assert.deepEqual(owners(stage), [1, 2, 0, 0]);
    assert.deepEqual(
      world.steered.done,
      ["detach", "put 0", "put 1", "attach"],
    );
    assert.deepEqual(all("steering"), [{
      type: "steering",
      by: "ebpf",
      reason: "each connection goes to the worker that holds least",
    }]);
    assert.deepEqual(stage.pool.status().steering, {
      by: "ebpf",
      reason: "each connection goes to the worker that holds least",
      helped: 0,
    });
  });

  test("chooses only once all slots have a worker", async () => {
    const stage = await steered({}, (world) => {
      world.steered.done.push("start");
    });
    const { done } = stage.world.steered;
    assert.equal(done.indexOf("attach"), done.length - 1);
    stage.pool.scale(3);
    await settle();
    assert.deepEqual(done.slice(-1), ["put 2"]);
    assert.deepEqual(owners(stage), [1, 2, 3, 0]);
    stage.pool.scale(2);
    await settle();
    assert.deepEqual(owners(stage), [1, 2, 0, 0]);
  });

  test("takes a slot from a worker that is gone, and gives it to the next", async () => {
    const stage = await steered();
    const { world } = stage;
    const table = world.steered.table!;
    table.set(0, "assigned", 10);
    table.set(0, "bias", 5);
    world.queued.set("127.0.0.1:8080", 3);
    world.onSpawn = (process) => announce(world, process);
    world.processes[0]!.exit({ code: null, signal: "SIGKILL" });
    await settle();
    assert.deepEqual(owners(stage), [0, 2, 0, 0]);
    world.processes[2]!.getReady();
    await settle();
    assert.deepEqual(owners(stage), [1, 2, 0, 0]);
    // What waits in its queue is the next one's, what was served is not.
    assert.equal(table.get(0, "finished"), 7);
    assert.equal(table.get(0, "bias"), 0);
  });

  test("counts what others accept for a slot whose worker stands still", () => {
    const { steering, table } = alone();
    table.set(0, "assigned", 10);
    steering.help(0, 3);
    assert.equal(loadIn(table, 0), 10);
    steering.help(0, 1);
    assert.equal(loadIn(table, 0), 8);
    // Four more, of which one waits.
    table.set(0, "assigned", 14);
    steering.help(0, 1);
    assert.equal(loadIn(table, 0), 8);
    steering.helpEnds(0);
    // Its own worker has accepted what waited.
    steering.help(0, 0);
    assert.equal(loadIn(table, 0), 8);
  });

  test("has connections of a lighter slot count for more", () => {
    const { steering, table } = alone([4, 1]);
    for (const slot of [0, 1]) {
      table.set(slot, "writer", slot + 1);
      steering.serve(slot, worker(slot));
    }
    const light = [0, 1].map((slot) => table.get(slot, "light"));
    assert.deepEqual(light, [0, 3 * HEAVIEST]);
  });

  test("says where weights count no more", () => {
    const { steering } = alone([4, 1]);
    steering.serve(0, worker(0));
    const { by, reason } = steering.status!;
    assert.equal(by, "off");
    assert.match(reason, /; the weights of slots do not count then$/);
  });

  test("gives the slot to the new worker of a reload, and back", async () => {
    const stage = await steered({ rollback: "park", probation: 1000 });
    const { world, pool } = stage;
    pool.reload().catch(() => {});
    await settle();
    const [first, , third] = world.processes;
    // The old one while there are two.
    assert.equal(owners(stage)[0], 1);
    world.advance(1_000);
    await settle();
    assert.equal(owners(stage)[0], seatOf(third!)!.seat + 1);
    first!.say({ type: "parked" });
    await settle();
    third!.exit({ code: 1, signal: null });
    await settle();
    assert.equal(owners(stage)[0], 0);
    assert.equal(first!.wasTold("resume"), true);
    first!.say({ type: "ready" });
    await settle();
    // The new one has written its name, and the old one need not do it again.
    assert.equal(owners(stage)[0], 1);
  });

  test("begins anew where the shards have not listened meanwhile", async () => {
    const { world, pool } = await steered();
    const { done, put } = world.steered;
    let [present] = world.processes;
    const replaced = async (): Promise<readonly string[]> => {
      const from = done.length;
      pool.restart(0);
      await settle();
      present!.exit({ code: 0, signal: null });
      present = world.processes.at(-1);
      await settle();
      return done.slice(from);
    };
    assert.deepEqual(await replaced(), []);
    // What the kernel does when a socket is taken out of listening.
    put.clear();
    assert.deepEqual(await replaced(), ["put 0", "attach"]);
  });

  test("is the hash's where a worker cannot write", async () => {
    const world = new MemoryWorld();
    world.steered.problem = undefined;
    const { all } = await running({ share: "sharded" }, world);
    assert.deepEqual(all("steering").map(({ by }) => by), ["ebpf", "off"]);
    assert.match(
      all("steering")[1]!.reason,
      /^the worker of slot 0 cannot write what it holds/,
    );
    assert.deepEqual(world.steered.done, ["detach", "detach", "close"]);
  });

  test("is the hash's where a shard finds no place", async () => {
    const { all, world } = await steered({}, ({ steered }) => {
      steered.putProblem = "the map is full";
    });
    const [, second] = all("steering");
    assert.deepEqual(second, {
      type: "steering",
      by: "off",
      reason: "the map is full",
    });
    assert.equal(world.steered.done.includes("attach"), false);
  });

  test("is not there where the kernel refuses, and says why", async () => {
    const { all, world } = await steered({}, ({ steered }) => {
      steered.problem = "this process lacks CAP_BPF";
    });
    assert.deepEqual(all("steering"), [{
      type: "steering",
      by: "off",
      reason: "no eBPF: this process lacks CAP_BPF",
    }]);
    assert.equal(seatOf(world.processes[0]!), undefined);
  });

  test("is not there where it is not wanted, and elsewhere not told of", async () => {
    const { all, world } = await steered({ steer: "off" });
    assert.deepEqual(all("steering"), [
      { type: "steering", by: "off", reason: "as asked" },
    ]);
    assert.equal(seatOf(world.processes[0]!), undefined);
    for (const share of ["balanced", "shared", "handoff"] as const) {
      const { all } = await steered({ share });
      assert.deepEqual(all("steering"), []);
    }
  });

  test("closes the table when the pool has ended", async () => {
    const { pool, world } = await steered();
    const stop = pool.stop();
    await settle();
    for (const process of world.alive) process.exit({ code: 0, signal: null });
    await stop;
    assert.equal(world.steered.done.at(-1), "close");
  });
});
