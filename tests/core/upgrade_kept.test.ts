/** A supervisor that stays after an upgrade, to go back to. */
import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import {
  decodeHandover,
  HANDOVER_VARIABLE,
} from "../../core/listeners/handover.ts";
import { wordIn } from "../../core/upgrade/words.ts";
import { describe, test } from "../harness.ts";
import { handed, succeeding, upgrading, word } from "./upgrade_world.ts";
import { hear, pass, rooms, score } from "./passing_scene.ts";
import { settle, type Stage } from "./world.ts";

const DAY = 86_400_000;

type Options = NonNullable<Parameters<typeof upgrading>[0]>;

/** A pool that has handed over and stays, without workers. */
async function kept(
  options: Options = {},
  world?: MemoryWorld,
): Promise<Stage & { successor: MemoryProcess }> {
  const made = await upgrading({
    keepOld: 60_000,
    pidFile: "/pid",
    signals: true,
    ...options,
  }, world);
  return await handedOver(made);
}

/** The successor of a pool is ready, and its workers have gone. */
async function handedOver(
  made: Awaited<ReturnType<typeof upgrading>>,
): ReturnType<typeof kept> {
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
    assert.equal(pool.status().state, "drained");
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
    for (const code of [0, 5]) {
      const { pool, world, successor } = await kept();
      // Its word may come too late.
      if (code === 5) word(successor, { type: "stopping" });
      successor.exit({ code });
      await settle();
      assert.equal(pool.status().state, "stopped");
      assert.equal(world.bound.size, 0);
    }
  });

  test("whose workers pass connections on as before, once it has some again", async () => {
    const { world, successor } = await kept({ share: "balanced" });
    world.signal("SIGHUP");
    await settle();
    const [busy, idle] = world.alive.filter((each) => each !== successor);
    score(busy!, { open: 9 });
    score(idle!);
    pass(busy!, 1);
    hear(idle!);
    assert.deepEqual(rooms(busy!), [1]);
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
    successor.exit({ code: null, signal: "SIGKILL" });
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
    successor.exit({ code: 1 });
    await settle();
    world.connect();
    world.advance(60_000);
    assert.ok(!world.bound.has("127.0.0.1:9000"));
  });
});

describe("process 1", () => {
  /** It has a successor, and is the init of that from now on. */
  async function init(options: Options = {}): ReturnType<typeof kept> {
    const world = new MemoryWorld();
    world.pid = 1;
    return await kept({ keepOld: 0, ...options }, world);
  }

  test("stays for ever, and passes signals on", async () => {
    const { pool, world, successor, all } = await init();
    const { pid } = successor;
    assert.deepEqual(all("kept"), [{ type: "kept", pid }]);
    assert.deepEqual(successor.heard.map(wordIn), [
      { type: "yours", kept: true },
    ]);
    const { init: is } = decodeHandover(successor.env[HANDOVER_VARIABLE]!);
    assert.equal(is, true);
    world.advance(DAY);
    for (const signal of ["SIGHUP", "SIGTTIN", "SIGTERM"] as const) {
      world.signal(signal);
    }
    assert.deepEqual(successor.signals, ["SIGHUP", "SIGTTIN", "SIGTERM"]);
    assert.equal(pool.status().state, "drained");
    word(successor, { type: "stopping" });
    successor.exit();
    await settle();
    assert.equal(pool.status().state, "stopped");
    assert.equal(world.bound.size, 0);
    // The pid file names it from the beginning to the end.
    assert.deepEqual(world.pidFiles, ["claim new /pid", "remove /pid"]);
  });

  test("starts one successor after the other, and goes on with the former where one fails", async () => {
    const { pool, world, successor } = await init();
    world.onSpawn = () => {};
    world.signal("SIGUSR2");
    await settle();
    const broken = world.processes.at(-1)!;
    broken.exit({ code: 1 });
    await settle();
    assert.deepEqual(said(successor), ["yours"]);
    assert.equal(pool.status().workers.length, 0);
    world.signal("SIGHUP");
    assert.deepEqual(successor.signals, ["SIGHUP"]);

    const upgrade = pool.upgrade();
    await settle();
    const next = world.processes.at(-1)!;
    assert.equal(
      decodeHandover(next.env[HANDOVER_VARIABLE]!).workers,
      undefined,
    );
    word(next, { type: "ready" });
    await upgrade;
    assert.deepEqual(successor.heard.map(wordIn).at(-1), {
      type: "leave",
      pid: next.pid,
    });
    assert.deepEqual(said(next), ["yours"]);
    successor.exit();
    await settle();
    assert.deepEqual(world.alive, [next]);
    world.signal("SIGHUP");
    assert.deepEqual(next.signals, ["SIGHUP"]);
  });

  test("has workers again where its successor is killed, and waits for it where the pool is stopped", async () => {
    const { pool, world, successor } = await init();
    successor.exit({ code: null, signal: "SIGKILL" });
    await settle();
    assert.equal(pool.status().ready, 2);
    const workers = [...world.alive];
    world.onSpawn = () => {};
    const upgrade = pool.upgrade();
    await settle();
    const next = world.processes.at(-1)!;
    word(next, { type: "ready" });
    await upgrade;
    for (const each of workers) each.exit();
    await settle();
    const stopped = pool.stop();
    assert.equal(pool.status().state, "drained");
    assert.deepEqual(next.heard.map(wordIn).at(-1), { type: "leave", pid: 1 });
    next.exit();
    await stopped;
    assert.equal(world.bound.size, 0);
  });

  test("has workers again also where its successor is killed while the next one starts", async () => {
    const { pool, world, successor } = await init();
    const begin = world.onSpawn;
    world.onSpawn = () => {};
    const upgrade = pool.upgrade();
    await settle();
    const next = world.processes.at(-1)!;
    world.onSpawn = begin;
    successor.exit({ code: null, signal: "SIGKILL" });
    await settle();
    next.exit({ code: 1 });
    await assert.rejects(upgrade, /ended with code 1/);
    assert.equal(pool.status().ready, 2);
  });

  test("goes on where it cannot stop accepting", async () => {
    const world = new MemoryWorld();
    world.pid = 1;
    world.rests = false;
    const made = await upgrading({ share: "handoff" }, world);
    word(made.successor, { type: "ready" });
    await assert.rejects(made.upgrade, /process 1, .* could not stay/);
    assert.deepEqual(made.successor.signals, ["SIGTERM"]);
    assert.equal(made.pool.status().ready, 2);
    made.world.connect();
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
    const world = new MemoryWorld();
    world.env["NOTIFY_SOCKET"] = "@notify";
    await import("../../core/service/service.ts");
    const made = await succeeding({ listeners }, options, world);
    // The service is the other one, which alone is listened to.
    assert.deepEqual(world.notified, []);
    made.tell({ type: "yours", kept: true });
    await made.started;
    made.tell({ type: "serving" });
    void made.pool.stop();
    await settle();
    const ready = "READY=1\nSTATUS=2 of 2 workers ready, generation 1";
    assert.deepEqual(world.notified, [ready, "MAINPID=77"]);
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

test("a successor of process 1 leaves the pid file to it, and its place to the next", async () => {
  const made = await succeeding(
    { init: true, pid: 1, listeners: [handed("unix:/s", { fds: [3] })] },
    { listen: "unix:/s", pidFile: "/pid", upgradeCommand: ["prefork"] },
  );
  made.tell({ type: "yours", kept: true });
  await made.started;
  assert.ok(!made.world.pidFiles.some((each) => each.startsWith("claim")));
  await assert.rejects(made.pool.upgrade(), /process 1 stays/);
  made.tell({ type: "leave", pid: 5 });
  await settle();
  assert.equal(made.pool.status().state, "stopping");
  assert.deepEqual(made.all("upgrade-finished"), [
    { type: "upgrade-finished", pid: 5, ms: 0 },
  ]);
  for (const each of made.world.alive) each.exit();
  await made.pool.stop();
  assert.deepEqual(made.world.abandoned, ["unix:/s"]);
});
