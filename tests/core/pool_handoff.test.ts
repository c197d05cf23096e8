import assert from "node:assert/strict";
import type { MemoryProcess } from "../../adapters/memory.ts";
import { describe, test } from "../harness.ts";
import { running, settle } from "./world.ts";

/** Confirms the last connection of a worker. */
function take(process: MemoryProcess): void {
  process.received.at(-1)!.settle(true);
}

describe("handoff", () => {
  test("deals connections in turn", async () => {
    const { world } = await running({ share: "handoff" });
    for (let i = 0; i < 6; i++) {
      world.connect();
      take(world.processes[i % 2]!);
    }
    assert.deepEqual(world.processes.map(({ received }) => received.length), [
      3,
      3,
    ]);
  });

  test("a worker has at most one unconfirmed connection", async () => {
    const { world, pool } = await running({ share: "handoff" });
    for (let i = 0; i < 5; i++) world.connect();
    assert.deepEqual(world.processes.map(({ received }) => received.length), [
      1,
      1,
    ]);
    assert.equal(pool.status().waiting, 3);
    take(world.processes[1]!);
    take(world.processes[1]!);
    assert.deepEqual(world.processes.map(({ received }) => received.length), [
      1,
      3,
    ]);
  });

  test("a worker whose server is full gets none until it has room", async () => {
    const { world, pool } = await running({ share: "handoff" });
    const [limited, other] = world.processes;
    const { name } = pool.status().listeners[0]!;
    const limit = (process: MemoryProcess, total: number): void =>
      process.say({ type: "limit", listener: name, total });
    const got = (): number[] =>
      world.processes.map(({ received }) => received.length);
    limit(limited!, 1);
    limited!.say({ type: "limit", listener: "another", total: 0 });
    world.connect();
    take(limited!);
    for (let i = 0; i < 3; i++) {
      world.connect();
      take(other!);
    }
    assert.deepEqual(got(), [1, 3]);
    limit(other!, 3);
    for (let i = 0; i < 3; i++) world.connect();
    assert.deepEqual(got(), [1, 3]);
    assert.equal(pool.status().waiting, 3);
    limit(limited!, 2);
    assert.deepEqual(got(), [2, 3]);
    // What it did not get is none of those that it takes.
    limited!.received.at(-1)!.settle(false);
    limit(other!, 4);
    assert.deepEqual(got(), [2, 4]);
    take(other!);
    assert.equal(pool.status().waiting, 2);
    // When the pool stops, whoever is there has to serve what has come.
    void pool.stop();
    await settle();
    assert.equal(pool.status().waiting, 0);
  });

  test("our copy is closed when the worker has confirmed, not before", async () => {
    const { world } = await running({ share: "handoff" });
    const client = world.connect();
    assert.equal(client.closed, false);
    take(world.processes[0]!);
    assert.equal(client.closed, true);
  });

  test("what is on its way to a worker that dies goes to another", async () => {
    const { world } = await running({ share: "handoff" });
    world.onSpawn = () => {};
    const client = world.connect();
    world.processes[0]!.exit({ code: null, signal: "SIGKILL" });
    await settle();
    assert.equal(client.closed, false);
    assert.equal(world.processes[1]!.received.length, 1);
    take(world.processes[1]!);
    assert.equal(client.closed, true);
  });

  test("what a worker did not get goes to another", async () => {
    const { world } = await running({ share: "handoff" });
    const client = world.connect();
    world.processes[0]!.received[0]!.settle(false);
    assert.equal(world.processes[1]!.received.length, 1);
    take(world.processes[1]!);
    assert.equal(client.closed, true);
  });

  test("a worker gets no connection while it has messages to read", async () => {
    const { world, pool } = await running({ share: "handoff", workers: 1 });
    const [worker] = world.processes;
    pool.send({ hello: 1 });
    pool.send({ hello: 2 });
    world.connect();
    assert.equal(worker!.received.length, 0);
    worker!.say({ type: "heard", count: 1 });
    assert.equal(worker!.received.length, 0);
    worker!.say({ type: "heard", count: 1 });
    assert.equal(worker!.received.length, 1);
  });

  test("a draining worker gets no more", async () => {
    const { world, pool } = await running({ share: "handoff" });
    pool.scale(1);
    for (let i = 0; i < 3; i++) {
      world.connect();
      take(world.processes[0]!);
    }
    assert.equal(world.processes[1]!.received.length, 0);
  });

  test("connections wait while no worker is ready", async () => {
    const { world } = await running({ share: "handoff", workers: 1 });
    world.onSpawn = () => {};
    world.processes[0]!.exit({ code: 1 });
    const client = world.connect();
    await settle();
    world.processes[1]!.getReady();
    assert.equal(world.processes[1]!.received.length, 1);
    assert.equal(client.closed, false);
  });

  test("least-connections follows what workers report", async () => {
    const { world } = await running({
      share: "handoff",
      balance: "least-connections",
    });
    const [a, b] = world.processes;
    for (let i = 0; i < 4; i++) {
      world.connect();
      take(i % 2 === 0 ? a! : b!);
    }
    a!.say({ type: "closed", count: 2 });
    for (let i = 0; i < 2; i++) {
      world.connect();
      take(a!);
    }
    assert.deepEqual([a!.received.length, b!.received.length], [4, 2]);
  });

  test("sticky follows the client's address", async () => {
    const { world } = await running({ share: "handoff", balance: "sticky" });
    const got = (): number[] =>
      world.processes.map(({ received }) => received.length);
    for (let i = 0; i < 8; i++) {
      const before = got();
      world.connect("192.0.2.7");
      const at = got().findIndex((count, k) => count !== before[k]);
      take(world.processes[at]!);
    }
    assert.deepEqual(got().sort(), [0, 8]);
  });

  test("a worker that claims an id gets it, with what was read", async () => {
    const { world } = await running({
      share: "handoff",
      balance: "sticky=cookie:sid",
    });
    const head = "GET / HTTP/1.1\r\nCookie: sid=abc\r\n\r\n";
    for (const process of world.processes) {
      process.say({ type: "stick", id: "abc" });
      const before = process.received.length;
      world.connect("192.0.2.7", head);
      await settle();
      assert.equal(process.received.length, before + 1);
      assert.deepEqual(process.received.at(-1)!.message, {
        prefork: 1,
        type: "connection",
        listener: "127.0.0.1:8080",
        head,
      });
      take(process);
    }
  });

  test("workers are told what ties clients to them", async () => {
    const ties = {
      "round-robin": undefined,
      "sticky": "address",
      "sticky=cookie:a.b": "cookie:a.b",
      "sticky=query:sid": "query:sid",
    } as const;
    for (const [balance, tie] of Object.entries(ties)) {
      const { world } = await running({
        listen: ["a=127.0.0.1:1?share=handoff", "b=127.0.0.1:2?share=shared"],
        balance: balance as keyof typeof ties,
      });
      const { PREFORK_LISTENERS } = world.processes[0]!.env;
      const listeners = JSON.parse(PREFORK_LISTENERS!) as { sticky?: string }[];
      assert.deepEqual(listeners.map(({ sticky }) => sticky), [tie, undefined]);
    }
  });

  test("a stop gives away what waits before it drains the workers", async () => {
    const { world, pool } = await running({ share: "handoff", workers: 1 });
    const clients = [world.connect(), world.connect(), world.connect()];
    const stop = pool.stop();
    const [worker] = world.processes;
    assert.equal(worker!.received.length, 3);
    assert.equal(worker!.wasTold("drain"), true);
    for (const { settle } of worker!.received) settle(true);
    worker!.exit();
    await stop;
    assert.deepEqual(clients.map(({ closed }) => closed), [true, true, true]);
  });

  test("nonsense about connections is ignored", async () => {
    const { world, all } = await running({ share: "handoff" });
    world.processes[0]!.say({ type: "closed", count: 99 });
    world.processes[0]!.plan.onMessage({
      prefork: 1,
      type: "closed",
      count: -1,
    });
    world.connect();
    assert.equal(world.processes[0]!.received.length, 1);
    await settle();
    assert.equal(all("worker-noise").length, 1);
  });
});
