/** A supervisor that stays after an upgrade, to go back to. */
import assert from "node:assert/strict";
import type { MemoryProcess } from "../../adapters/memory.ts";
import { wordIn } from "../../core/upgrade/words.ts";
import { describe, test } from "../harness.ts";
import { handed, succeeding, upgrading, word } from "./upgrade_world.ts";
import { settle, type Stage } from "./world.ts";

type Options = NonNullable<Parameters<typeof upgrading>[0]>;

/** A pool that has handed over and stays, without workers. */
async function kept(
  options: Options = {},
): Promise<Stage & { successor: MemoryProcess }> {
  const made = await upgrading({
    keepOld: 60_000,
    pidFile: "/pid",
    signals: true,
    ...options,
  });
  const { world, successor } = made;
  const workers = world.alive.filter((each) => each !== successor);
  word(successor, { type: "ready" });
  await made.upgrade;
  for (const each of workers) each.exit();
  await settle();
  world.onSpawn = (process) => queueMicrotask(() => process.getReady());
  return made;
}

const said = ({ heard }: MemoryProcess): (string | undefined)[] =>
  heard.map((each) => wordIn(each)?.type);

describe("a supervisor that stays", () => {
  test("has no workers, and ends when its time is over", async () => {
    const { pool, world, successor, all } = await kept({ listen: "unix:/s" });
    assert.deepEqual(successor.heard.map(wordIn), [
      { type: "yours", kept: true },
    ]);
    assert.deepEqual(world.alive, [successor]);
    assert.equal(pool.status().state, "running");
    assert.deepEqual(all("kept"), [
      { type: "kept", pid: successor.pid, ms: 60_000 },
    ]);
    await assert.rejects(pool.upgrade(), /has not ended yet/);
    world.advance(60_000);
    await pool.stop();
    assert.ok(successor.alive && successor.released);
    assert.deepEqual(world.abandoned, ["unix:/s"]);
    assert.equal(world.pidFiles.at(-1), "remove /pid");
  });

  test("has workers again after SIGHUP, and all after the end of the other", async () => {
    const { pool, world, successor, all } = await kept({ control: "/control" });
    assert.equal(world.control, undefined);
    world.signal("SIGHUP");
    await settle();
    assert.equal(pool.status().ready, 2);
    assert.deepEqual(said(successor), ["yours", "serving"]);
    // It is being gone back to: its time does not count any more.
    world.advance(60_000);
    assert.equal(pool.status().state, "running");
    word(successor, { type: "stopping" });
    successor.exit();
    await settle();
    assert.deepEqual(all("taken-back"), [
      { type: "taken-back", from: successor.pid },
    ]);
    assert.equal(world.pidFiles.at(-1), "take back /pid");
    assert.equal(pool.status().ready, 2);
    assert.notEqual(world.control, undefined);
    // Once more.
    world.onSpawn = () => {};
    const again = pool.upgrade();
    await settle();
    word(world.processes.at(-1)!, { type: "ready" });
    await again;
  });

  test("starts its workers by itself where the other one was killed", async () => {
    const { pool, world, successor } = await kept();
    successor.exit({ code: null, signal: "SIGKILL" });
    await settle();
    assert.equal(pool.status().ready, 2);
    for (const each of world.alive) each.exit();
    const stopped = pool.stop();
    for (const each of world.alive) each.exit();
    await stopped;
    assert.deepEqual(world.abandoned, []);
    assert.equal(world.bound.size, 0);
  });

  test("ends with the other one where that is stopped and nobody has gone back", async () => {
    const { pool, world, successor } = await kept();
    word(successor, { type: "stopping" });
    successor.exit();
    await settle();
    assert.equal(pool.status().state, "stopped");
    assert.equal(world.bound.size, 0);
  });

  test("drains again on SIGWINCH", async () => {
    const { pool, world, successor } = await kept();
    world.signal("SIGHUP");
    await settle();
    world.signal("SIGWINCH");
    for (const each of world.alive) if (each !== successor) each.exit();
    await settle();
    assert.equal(pool.status().workers.length, 0);
    assert.deepEqual(said(successor), ["yours", "serving", "resting"]);
  });

  test("accepts in handoff while it has workers, and not while it waits", async () => {
    const { world, successor } = await kept({ share: "handoff" });
    assert.throws(() => world.connect(), /Nobody accepts/);
    world.signal("SIGHUP");
    await settle();
    world.connect();
    world.signal("SIGWINCH");
    await settle();
    assert.throws(() => world.connect(), /Nobody accepts/);
    successor.exit();
    await settle();
    world.connect();
  });

  test("does not where its runtime cannot stop accepting", async () => {
    const made = await upgrading({ keepOld: 60_000, share: "handoff" });
    const { pool, world, successor, all } = made;
    world.rests = false;
    word(successor, { type: "ready" });
    await made.upgrade;
    assert.match(all("warning").at(-1)!.message, /does not stay .* libc/);
    assert.equal(pool.status().state, "stopping");
    assert.deepEqual(successor.heard.map(wordIn), [{ type: "yours" }]);
  });

  test("keeps what was opened for a worker for as long as it waits", async () => {
    const made = await upgrading({ keepOld: 600_000 });
    const { world, successor } = made;
    const [worker, other] = world.alive;
    worker!.say({ type: "open", id: 1, address: "127.0.0.1:9000", nth: 0 });
    await settle();
    word(successor, { type: "ready" });
    await made.upgrade;
    worker!.say({ type: "left", listener: "127.0.0.1:9000" });
    for (const each of [worker, other]) each!.exit();
    await settle();
    world.advance(60_000);
    assert.ok(world.bound.has("127.0.0.1:9000"));
    assert.throws(() => world.connect(), /Nobody accepts/);
    // As ever from now on.
    successor.exit();
    await settle();
    world.connect();
    world.advance(60_000);
    assert.ok(!world.bound.has("127.0.0.1:9000"));
  });
});

describe("a supervisor whose predecessor stays", () => {
  const listeners = [handed("unix:/s", { fds: [3] })];
  const options = { listen: "unix:/s", upgradeCommand: ["prefork"] };

  test("leaves the sockets to it, and has it end too when it is stopped", async () => {
    const made = await succeeding({ listeners }, options);
    made.tell({ type: "yours", kept: true });
    await made.started;
    await assert.rejects(made.pool.upgrade(), /\(pid 77\) stays to go back/);
    const stopped = made.pool.stop();
    assert.deepEqual(made.said.map((each) => each?.type), [
      "ready",
      "stopping",
    ]);
    for (const each of made.world.alive) each.exit();
    await stopped;
    assert.deepEqual(made.world.abandoned, ["unix:/s"]);
    assert.ok(made.world.bound.has("unix:/s"));
  });

  test("names it to the service manager where it serves again", async () => {
    const made = await succeeding({ listeners }, options);
    made.world.env["NOTIFY_SOCKET"] = "@notify";
    made.tell({ type: "yours", kept: true });
    await made.started;
    made.tell({ type: "serving" });
    void made.pool.stop();
    assert.deepEqual(made.world.notified, ["READY=1", "MAINPID=77"]);
    assert.deepEqual(made.said.map((each) => each?.type), ["ready"]);
  });

  test("has all of it once that is gone", async () => {
    const made = await succeeding({ listeners }, options);
    made.tell({ type: "yours", kept: true });
    await made.started;
    made.die();
    const stopped = made.pool.stop();
    for (const each of made.world.alive) each.exit();
    await stopped;
    assert.equal(made.world.bound.size, 0);
    assert.deepEqual(made.said.map((each) => each?.type), ["ready"]);
  });
});
