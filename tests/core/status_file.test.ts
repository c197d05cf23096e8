import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { EventStream } from "../../core/event_stream.ts";
import type { PoolEvent, PoolStatus } from "../../core/events.ts";
import { keepStatusFile, RETRY_MS, WRITE_MS } from "../../core/status_file.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage, stage } from "./world.ts";

const PATH = "/here/state.json";
const statusFile = "state.json";

/** What the file says. */
function said({ world }: Stage): Record<string, unknown> | undefined {
  const text = world.files.get(PATH);
  return text === undefined ? undefined : JSON.parse(text);
}

describe("status file", () => {
  test("it is there from the start, says what status() says, and is gone at the end", async () => {
    const made = stage({ statusFile });
    const start = made.pool.start();
    await settle();
    assert.equal(said(made)?.["state"], "starting");
    for (const process of made.world.processes) process.getReady();
    await start;
    made.world.advance(WRITE_MS);
    await settle();
    const { pid, at, workers, ...status } = said(made)!;
    assert.equal(pid, made.world.pid);
    assert.match(String(at), /^\d{4}-\d\d-\d\dT.*Z$/);
    const { workers: _, ...own } = made.pool.status();
    assert.deepEqual(status, JSON.parse(JSON.stringify(own)));
    assert.equal((workers as unknown[]).length, 2);
    const stop = made.pool.stop();
    await settle();
    made.world.advance(WRITE_MS);
    await settle();
    assert.equal(said(made)?.["state"], "stopping");
    for (const process of made.world.alive) process.exit();
    await stop;
    assert.equal(said(made), undefined);
  });

  test("a reload that fails can be read there, with its reason", async () => {
    const made = await running({ statusFile });
    made.world.advance(WRITE_MS);
    made.world.onSpawn = (process) =>
      queueMicrotask(() => process.exit({ code: 7 }));
    await assert.rejects(made.pool.reload());
    await settle();
    made.world.advance(WRITE_MS);
    await settle();
    const { state, generation, reason } = said(made)!["reload"] as Record<
      string,
      unknown
    >;
    assert.deepEqual([state, generation], ["failed", 2]);
    assert.match(String(reason), /^slot 0: it exited with code 7 before/);
  });

  test("what happens often is written five times a second, and the last of it for sure", async () => {
    const made = await running({ statusFile, maxWorkers: 8 });
    made.world.advance(WRITE_MS);
    await settle();
    const texts = new Set<string>();
    const write = made.world.files.set.bind(made.world.files);
    made.world.files.set = (path, text) => {
      texts.add(text);
      return write(path, text);
    };
    for (let i = 0; i < 40; i++) {
      made.pool.scale(2 + i % 5);
      await settle();
      made.world.advance(10);
    }
    assert.ok(texts.size >= 2 && texts.size <= 3, `${texts.size} writes`);
    made.world.advance(WRITE_MS);
    assert.equal(said(made)?.["wanted"], 6);
    const { size } = texts;
    made.world.processes[0]!.say({ prefork: 1, type: "nonsense" } as never);
    made.pool.warn("something");
    await settle();
    made.world.advance(10 * WRITE_MS);
    assert.equal(texts.size, size, "nothing of this changes a status");
  });

  test("a path that cannot be written is an error at the start, and nothing is left", async () => {
    const world = new MemoryWorld();
    world.disk = new Error("ENOENT: no such file or directory");
    const { pool } = stage({ statusFile }, world);
    await assert.rejects(pool.start(), {
      code: "ERR_STATUS_FILE",
      message:
        'Cannot write the status file "/here/state.json" (ENOENT: no such file or directory): choose a file in a directory that is there and that this user may write to',
    });
    assert.equal(world.processes.length, 0);
    assert.equal(world.bound.size, 0);
  });

  test("a disk that is full is one warning, and the file is up to date when it is not any more", async () => {
    const made = await running({ statusFile, maxWorkers: 8 });
    const { world, pool } = made;
    world.advance(WRITE_MS);
    world.disk = new Error("ENOSPC: no space left on device");
    for (const workers of [3, 4, 5]) {
      pool.scale(workers);
      await settle();
      world.advance(RETRY_MS);
      await settle();
    }
    assert.equal(pool.status().ready, 5);
    const warnings = made.all("warning").map(({ message }) => message);
    assert.deepEqual(warnings, [
      'the status file "/here/state.json" is not up to date, it cannot be written (ENOSPC: no space left on device); the pool goes on and tries again',
    ]);
    world.disk = undefined;
    world.advance(RETRY_MS);
    assert.equal(said(made)?.["wanted"], 5);
    world.disk = new Error("EIO");
    const stop = pool.stop({ quick: true });
    assert.deepEqual(await stop, { killed: 5 });
  });

  test("in an upgrade it is the new supervisor's once that serves", async () => {
    const world = new MemoryWorld();
    const events = new EventStream<PoolEvent>();
    let state = "starting";
    const pool = {
      status: () => ({ state }) as PoolStatus,
      warn: () => assert.fail(),
    };
    const begin = (heritage?: { isAlone: boolean }): Disposable =>
      keepStatusFile(world.adapter, statusFile, pool, events, heritage)[0]!;
    const told = async (event: PoolEvent): Promise<unknown> => {
      events.push(event);
      await settle();
      world.advance(WRITE_MS);
      return world.files.get(PATH) &&
        JSON.parse(world.files.get(PATH)!)["state"];
    };
    const ready = { type: "pool-ready", workers: 1, ms: 1, pid: 1 } as const;
    const successor = begin({ isAlone: false });
    assert.equal(await told(ready), undefined);
    state = "running";
    assert.equal(await told({ type: "taken-over", from: 1 }), "running");
    assert.equal(
      await told({ type: "upgrade-finished", pid: 2, ms: 1 }),
      "running",
    );
    state = "stopping";
    assert.equal(await told({ type: "stopping", quick: false }), "running");
    state = "degraded";
    assert.equal(await told({ type: "taken-back", from: 2 }), "degraded");
    assert.equal(
      await told({ type: "upgrade-finished", pid: 3, ms: 1 }),
      "degraded",
    );
    successor[Symbol.dispose]();
    assert.ok(world.files.has(PATH), "it is the next one's by now");
  });
});
