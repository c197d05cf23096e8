/** A reload until it is committed, and its way back. */
import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage, stage } from "./world.ts";

/** A pool of two with parked workers, and how a reload of it went. */
interface Scene extends Stage {
  readonly reload: Promise<string>;
  /** What the workers are now, as "slot generation state", without the gone. */
  now(): string[];
}

/** Begins a reload; what is asked of workers is left to the test. */
async function reloading(
  options: Parameters<typeof running>[0] = {},
): Promise<Scene> {
  const made = await running({
    rollback: "park",
    probation: 10_000,
    soak: 0,
    ...options,
  });
  made.world.onSpawn = () => {};
  const reload = made.pool.reload().then(
    () => "committed",
    (error: Error) => error.message,
  );
  await settle();
  return {
    ...made,
    reload,
    now: () =>
      made.pool.status().workers.map(({ slot, generation, state }) =>
        `${slot} ${generation} ${state}`
      ),
  };
}

/** Workers 0 and 1 are the old ones, 2 and 3 those that took over. */
async function replaced(
  options: Parameters<typeof running>[0] = {},
): Promise<Scene & { old: MemoryProcess[]; fresh: MemoryProcess[] }> {
  const scene = await reloading(options);
  const { world } = scene;
  for (const next of [2, 3]) {
    world.processes[next]!.getReady();
    await settle();
  }
  const [a, b, c, d] = world.processes;
  return { ...scene, old: [a!, b!], fresh: [c!, d!] };
}

function resume(process: MemoryProcess): void {
  assert.equal(process.wasTold("resume"), true);
  process.say({ type: "ready" });
}

describe("until it is committed", () => {
  test("old workers are parked, and leave when the probation is over", async () => {
    const { world, old, now, reload, pool, all, types } = await replaced();
    assert.deepEqual(now(), [
      "0 2 ready",
      "0 1 parked",
      "1 2 ready",
      "1 1 parked",
    ]);
    assert.equal(pool.status().reload?.state, "probation");
    for (const each of old) {
      each.say({ type: "parked" });
      assert.equal(each.wasTold("drain"), false);
    }
    world.advance(9_999);
    assert.equal(old[0]!.wasTold("drain"), false);
    world.advance(1);
    assert.equal(old[0]!.wasTold("drain"), true);
    assert.equal(pool.status().reload?.state, "committing");
    assert.equal(pool.status().generation, 2);
    for (const each of old) each.exit();
    assert.equal(await reload, "committed");
    assert.deepEqual(now(), ["0 2 ready", "1 2 ready"]);
    await settle();
    assert.deepEqual(all("reload-probation")[0]?.generation, 2);
    assert.equal(types().at(-1), "reload-finished");
  });

  test("without a probation they leave with the last slot, not before", async () => {
    const { world, reload } = await reloading({ probation: 0 });
    world.processes[2]!.getReady();
    await settle();
    assert.equal(world.processes[0]!.wasTold("park"), true);
    assert.equal(world.processes[0]!.wasTold("drain"), false);
    world.processes[3]!.getReady();
    for (const old of world.processes.slice(0, 2)) {
      assert.equal(old.wasTold("drain"), true);
      old.exit();
    }
    assert.equal(await reload, "committed");
  });

  test("a stop ends it, the parked workers too", async () => {
    const { pool, world, reload } = await replaced();
    const stop = pool.stop();
    assert.match(await reload, /it is stopping/);
    for (const each of world.alive) {
      assert.equal(each.wasTold("drain"), true);
      each.exit();
    }
    assert.deepEqual(await stop, { killed: 0 });
    assert.equal(world.alive.length, 0);
  });

  test("a quick stop kills the parked workers too", async () => {
    const { pool, world } = await replaced();
    await pool.stop({ quick: true });
    assert.equal(world.alive.length, 0);
  });

  test("a slot that is scaled away takes its parked worker along", async () => {
    const { pool, old, fresh, now, world, reload } = await replaced();
    pool.scale(1);
    for (const each of [old[1]!, fresh[1]!]) {
      assert.equal(each.wasTold("drain"), true);
      each.exit();
    }
    assert.deepEqual(now(), ["0 2 ready", "0 1 parked"]);
    // A slot more is one of the new generation.
    pool.scale(2);
    assert.equal(world.processes[4]!.env["PREFORK_GENERATION"], "2");
    world.processes[4]!.getReady();
    world.advance(10_000);
    old[0]!.exit();
    assert.equal(await reload, "committed");
  });

  test("reloads that are asked for meanwhile are one, and follow", async () => {
    const { pool, old, world, reload, all } = await replaced();
    for (let i = 0; i < 2; i++) pool.reload().catch(() => {});
    assert.equal(pool.status().reload?.queued, true);
    assert.equal(world.processes.length, 4);
    world.advance(10_000);
    for (const each of old) each.exit();
    assert.equal(await reload, "committed");
    await settle();
    assert.equal(world.processes.length, 5);
    assert.deepEqual(
      all("reload-started").map(({ generation }) => generation),
      [2, 3],
    );
    assert.equal(pool.status().reload?.queued, false);
  });

  test("a worker that leaves as asked is no failure", async () => {
    const { fresh, world, pool } = await replaced();
    fresh[0]!.say({ type: "leaving" });
    fresh[0]!.exit();
    assert.equal(world.processes[4]!.env["PREFORK_GENERATION"], "2");
    world.processes[4]!.getReady();
    assert.equal(pool.status().reload?.state, "probation");
  });
});

describe("a failure", () => {
  test("at a later slot brings the parked workers back before the new ones leave", async () => {
    const { world, now, reload, pool, all } = await reloading();
    const [old, , fresh] = world.processes;
    fresh!.getReady();
    await settle();
    const last = world.processes[3]!;
    last.plan.onLine("stderr", "Error: not in slot 1");
    last.exit({ code: 1 });
    assert.equal(fresh!.wasTold("drain"), false);
    assert.deepEqual(now(), ["0 2 ready", "0 1 resuming", "1 1 ready"]);
    assert.equal(pool.status().reload?.state, "rolling-back");
    resume(old!);
    assert.equal(fresh!.wasTold("drain"), true);
    assert.deepEqual(now(), ["0 1 ready", "0 2 draining", "1 1 ready"]);
    // Who drains is not waited for.
    assert.equal(
      await reload,
      "Cannot reload: slot 1: it exited with code 1 before it was ready: Error: not in slot 1; what serves now is generation 1 in slots 0-1",
    );
    fresh!.exit();
    const { state, reason, generation } = pool.status().reload!;
    assert.equal(state, "failed");
    assert.equal(generation, 2);
    assert.match(reason!, /not in slot 1$/);
    assert.equal(pool.status().generation, 1);
    await settle();
    assert.equal(all("reload-rollback").length, 1);
    assert.equal(all("reload-failed").length, 1);
    assert.equal(world.processes.length, 4);
  });

  test("within the probation does the same, and says how long it held", async () => {
    const { world, fresh, old, now, reload } = await replaced();
    world.advance(2_000);
    fresh[1]!.plan.onLine("stderr", "TypeError: late");
    fresh[1]!.exit({ code: 1 });
    // The slot is empty: its old worker is the next to serve there.
    assert.deepEqual(now(), ["0 2 ready", "0 1 resuming", "1 1 resuming"]);
    for (const each of old) resume(each);
    assert.equal(
      await reload,
      "Cannot reload: slot 1: it exited with code 1 2 s after it was ready: TypeError: late; what serves now is generation 1 in slots 0-1",
    );
    fresh[0]!.exit();
    assert.deepEqual(now(), ["0 1 ready", "1 1 ready"]);
    // It is not on trial any more.
    world.advance(20_000);
    assert.deepEqual(now(), ["0 1 ready", "1 1 ready"]);
  });

  test("an end with code 0 is one as well", async () => {
    const { fresh, pool } = await replaced();
    fresh[0]!.exit();
    assert.equal(pool.status().reload?.state, "rolling-back");
  });

  test("after the commit is none of the reload", async () => {
    const { world, fresh, old, reload, pool } = await replaced();
    world.advance(10_000);
    fresh[0]!.exit({ code: 1 });
    assert.equal(world.processes[4]!.env["PREFORK_GENERATION"], "2");
    world.processes[4]!.getReady();
    for (const each of old) each.exit();
    assert.equal(await reload, "committed");
    assert.equal(pool.status().ready, 2);
  });

  test("a reload that is asked for during the rollback follows it", async () => {
    const { fresh, old, pool, world, reload } = await replaced();
    fresh[0]!.exit({ code: 1 });
    const second = pool.reload();
    second.catch(() => {});
    for (const each of old) resume(each);
    assert.match(await reload, /Cannot reload/);
    fresh[1]!.exit();
    await settle();
    assert.equal(world.processes.at(-1)!.env["PREFORK_GENERATION"], "3");
  });
});

describe("a slot without a parked worker is started anew", () => {
  /** What was in slot 0 is gone; slot 0's new worker fails. */
  async function anew(scene: Awaited<ReturnType<typeof replaced>>) {
    const { world, fresh, old, reload, now } = scene;
    fresh[0]!.exit({ code: 1 });
    const again = world.processes[4]!;
    assert.equal(again.env["PREFORK_GENERATION"], "1");
    assert.equal(again.env["PREFORK_SLOT"], "0");
    if (old[1]!.wasTold("resume")) resume(old[1]!);
    again.getReady();
    assert.match(await reload, /what serves now is generation 1 in slots 0-1$/);
    fresh[1]!.exit();
    assert.deepEqual(now(), ["0 1 ready", "1 1 ready"]);
  }

  test("when it has crashed", async () => {
    const scene = await replaced();
    scene.old[0]!.exit({ code: 1 });
    // Nobody takes its place as long as it is not needed.
    assert.equal(scene.world.processes.length, 4);
    await anew(scene);
  });

  test("when it cannot be parked", async () => {
    const scene = await replaced();
    const [old] = scene.old;
    old!.say({ type: "unparkable", reason: "it has no way to" });
    assert.equal(old!.wasTold("drain"), true);
    old!.exit();
    await anew(scene);
    assert.match(scene.all("warning")[0]!.message, /it has no way to/);
  });

  test("when it wants to leave", async () => {
    const scene = await replaced();
    const [old] = scene.old;
    old!.say({ type: "leaving" });
    assert.equal(old!.wasTold("drain"), true);
    const done = anew(scene);
    old!.exit();
    await done;
  });

  test("when it does not accept again in time", async () => {
    const { world, fresh, old, reload, now } = await replaced();
    fresh[0]!.exit({ code: 1 });
    resume(old[1]!);
    world.advance(60_000);
    assert.equal(old[0]!.signals.at(-1), "SIGKILL");
    world.processes.at(-1)!.getReady();
    fresh[1]!.exit();
    assert.match(await reload, /what serves now is generation 1 in slots 0-1$/);
    assert.deepEqual(now(), ["0 1 ready", "1 1 ready"]);
  });
});

describe("by restart", () => {
  test("old workers leave at once, and the old version is started anew", async () => {
    const { world, reload, now } = await reloading({ rollback: "restart" });
    world.processes[2]!.getReady();
    await settle();
    const [old] = world.processes;
    assert.equal(old!.wasTold("park"), false);
    assert.equal(old!.wasTold("drain"), true);
    old!.exit();
    await settle();
    world.processes[3]!.exit({ code: 1 });
    await settle();
    const again = world.processes[4]!;
    assert.equal(again.env["PREFORK_GENERATION"], "1");
    assert.equal(world.processes[2]!.wasTold("drain"), false);
    again.getReady();
    assert.equal(world.processes[2]!.wasTold("drain"), true);
    assert.match(await reload, /what serves now is generation 1 in slots 0-1$/);
    world.processes[2]!.exit();
    assert.deepEqual(now(), ["0 1 ready", "1 1 ready"]);
  });

  test("from where it was, when a link leads elsewhere by now", async () => {
    const world = new MemoryWorld();
    const deploy = (release: string): void => {
      world.links.set("/here", `/${release}`);
      world.links.set("/here/app.js", `/${release}/app.js`);
    };
    const started = (process: MemoryProcess): string[] => [
      process.plan.cwd!,
      process.plan.command.at(-1)!,
    ];
    deploy("one");
    const { pool } = await running({ rollback: "restart", soak: 0 }, world);
    world.onSpawn = () => {};
    deploy("two");
    const failed = assert.rejects(pool.reload());
    await settle();
    const [old, , fresh] = world.processes;
    assert.deepEqual(started(old!), ["/here", "app.js"]);
    assert.deepEqual(started(fresh!), ["/here", "app.js"]);
    fresh!.getReady();
    old!.exit();
    await settle();
    world.processes[3]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(started(world.processes[4]!), ["/one", "/one/app.js"]);
    assert.equal(world.processes[4]!.env["PWD"], "/one");
    world.processes[4]!.getReady();
    await failed;
    // So is one that crashes later.
    world.processes[4]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(started(world.processes[5]!), ["/one", "/one/app.js"]);
  });

  test("where the old version does not start any more the new one stays: mixed", async () => {
    const { world, reload, pool, now } = await reloading({
      rollback: "restart",
    });
    world.processes[2]!.getReady();
    await settle();
    world.processes[0]!.exit();
    await settle();
    world.processes[3]!.exit({ code: 1 });
    await settle();
    world.processes[4]!.exit({ code: 7 });
    assert.match(
      await reload,
      /not all of the old version is back, slot 0: it exited with code 7 before it was ready; what serves now is generation 2 in slot 0, generation 1 in slot 1$/,
    );
    assert.equal(pool.status().reload?.state, "mixed");
    assert.deepEqual(now(), ["0 2 ready", "1 1 ready"]);
  });
});

test("workers in other languages leave at once, and are started anew", async () => {
  const { world, pool } = stage({
    program: "/bin/server",
    rollback: "park",
    probation: 10_000,
    soak: 100,
    workers: 1,
  });
  const live = async (): Promise<void> => {
    await settle();
    world.advance(100);
    await settle();
  };
  const start = pool.start();
  await live();
  await start;
  const failed = assert.rejects(pool.reload(), /generation 1 in slot 0$/);
  await live();
  const [old, fresh] = world.processes;
  assert.deepEqual(old!.heard, []);
  assert.deepEqual(old!.signals, ["SIGTERM"]);
  old!.exit();
  fresh!.exit({ code: 1 });
  await live();
  await failed;
});
