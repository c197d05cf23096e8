import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import { UNUSED_MS } from "../../core/listeners/on_demand.ts";
import { describe, test } from "../harness.ts";
import { running, settle, stage } from "./world.ts";

/** Has a worker ask for an address, and waits for the answer. */
async function ask(
  process: MemoryProcess,
  address: string,
  nth = 0,
  id = 0,
): Promise<Record<string, unknown>> {
  const before = process.heard.length;
  process.say({ type: "open", id, address, nth });
  await settle();
  const [answer] = process.heard.slice(before);
  // A worker says when it has read a message.
  process.say({ type: "heard", count: 1 });
  return answer as Record<string, unknown>;
}

/** A pool of one worker that has attached, asked and is not ready. */
async function asking() {
  const { world, pool } = stage({ workers: 1 });
  const started = pool.start();
  await settle();
  const worker = world.processes[0]!;
  worker.say({ type: "hello", runtime: "memory", pid: worker.pid });
  await ask(worker, ":9090");
  return { world, pool, started, worker };
}

describe("listeners that workers ask for", () => {
  test("an address is opened once and shared by all who ask", async () => {
    const { world, pool, all } = await running();
    const [first, second] = world.processes;
    const answer = { prefork: 1, type: "opened", name: "127.0.0.1:9090" };
    assert.deepEqual(await ask(first!, "127.0.0.1:9090"), {
      ...answer,
      id: 0,
      address: "127.0.0.1:9090",
    });
    assert.deepEqual(await ask(second!, "127.0.0.1:9090", 0, 7), {
      ...answer,
      id: 7,
      address: "127.0.0.1:9090",
    });
    assert.equal(world.bound.get("127.0.0.1:9090")?.length, 1);
    assert.deepEqual(
      all("listening").map(({ address, share, reason }) => [
        address,
        share,
        reason,
      ])[1],
      ["127.0.0.1:9090", "handoff", "opened for a worker"],
    );
    assert.deepEqual(pool.status().listeners.map(({ address }) => address), [
      "127.0.0.1:8080",
      "127.0.0.1:9090",
    ]);
  });

  test("its connections go to those who asked, and to nobody else", async () => {
    const { world } = await running({ workers: 3 });
    const [first, second, third] = world.processes;
    await ask(first!, ":9090");
    await ask(third!, ":9090");
    for (let i = 0; i < 4; i++) {
      world.connect();
      for (const { received } of world.processes) {
        received.at(-1)?.settle(true);
      }
    }
    assert.deepEqual(
      [first!, second!, third!].map(({ received }) => received.length),
      [2, 0, 2],
    );
    assert.deepEqual(first!.received[0]!.message, {
      prefork: 1,
      type: "connection",
      listener: ":9090",
    });
  });

  test("a worker that is not ready gets none", async () => {
    const { world, pool, started, worker } = await asking();
    world.connect();
    assert.equal(worker.received.length, 0);
    worker.say({ type: "ready" });
    await started;
    assert.equal(worker.received.length, 1);
    await pool.stop({ quick: true });
  });

  test("the n-th port 0 of each worker is one port", async () => {
    const { world } = await running();
    const [first, second] = world.processes;
    const port = async (process: MemoryProcess, nth: number) =>
      (await ask(process, "127.0.0.1:0", nth))["address"];
    const [one, two] = [await port(first!, 0), await port(first!, 1)];
    assert.notEqual(one, two);
    assert.equal(await port(second!, 0), one);
    assert.equal(await port(second!, 1), two);
  });

  test("what cannot be bound is refused, and tried anew for the next", async () => {
    const { world } = await running();
    world.taken.add("127.0.0.1:9090");
    const [first, second] = world.processes;
    const { type, id, code, reason } = await ask(
      first!,
      "127.0.0.1:9090",
      0,
      3,
    );
    assert.deepEqual([type, id, code], ["refused", 3, "EADDRINUSE"]);
    assert.match(String(reason), /127\.0\.0\.1:9090.*in use/);
    world.taken.clear();
    assert.equal((await ask(second!, "127.0.0.1:9090"))["type"], "opened");
  });

  test("nonsense is refused and harms nobody", async () => {
    const { world, pool } = await running();
    for (const address of ["nonsense", "fd:3", ":99999", ":1?backlog=-1", ""]) {
      const { type } = await ask(world.processes[0]!, address);
      assert.equal(type, "refused", address);
    }
    assert.equal(pool.status().ready, 2);
  });

  test("a supervisor that cannot hand over says what to do instead", async () => {
    const world = new MemoryWorld({
      handoff: { reason: "it is a test", instead: "another" },
    });
    await running({}, world);
    const { reason } = await ask(world.processes[0]!, ":9090");
    assert.match(String(reason), /it is a test.*"-l :9090"/);
  });

  test("it outlives its workers, and their successors get it back", async () => {
    const { world } = await running({ workers: 1 });
    await ask(world.processes[0]!, ":9090");
    world.processes[0]!.exit({ code: 1 });
    await settle();
    world.advance(200);
    await settle();
    const client = world.connect();
    assert.equal(client.closed, false);
    await ask(world.processes[1]!, ":9090");
    assert.equal(world.bound.get(":9090")?.length, 1);
    assert.equal(world.processes[1]!.received.length, 1);
  });

  test("what no worker serves for a time is closed, and its clients with it", async () => {
    const { world, pool, all } = await running({ workers: 1 });
    await ask(world.processes[0]!, ":9090");
    const reloaded = pool.reload();
    await settle();
    world.advance(1000);
    await settle();
    world.processes[0]!.exit();
    await reloaded;
    const client = world.connect();
    world.advance(UNUSED_MS - 1);
    await settle();
    assert.equal(world.bound.has(":9090"), true);
    world.advance(1);
    await settle();
    assert.equal(world.bound.has(":9090"), false);
    assert.equal(client.closed, true);
    assert.equal(pool.status().waiting, 0);
    assert.match(all("warning").at(-1)!.message, /closed ":9090"/);
    // Whoever asks later gets it opened anew.
    assert.equal((await ask(world.processes[1]!, ":9090"))["type"], "opened");
  });

  test("they are closed with the pool, also while one is being opened", async () => {
    const { world, pool } = await running({ workers: 1 });
    const [worker] = world.processes;
    await ask(worker!, ":9090");
    worker!.say({ type: "open", id: 1, address: ":9091", nth: 0 });
    await pool.stop({ quick: true });
    await settle();
    assert.deepEqual([...world.bound.keys()], []);
  });

  test("a program that does not boot leaves none behind", async () => {
    const { world, started, worker } = await asking();
    worker.exit({ code: 1 });
    await assert.rejects(started, { code: "ERR_BOOT" });
    assert.deepEqual([...world.bound.keys()], []);
  });
});
