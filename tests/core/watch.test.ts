import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { checkOptions } from "../../core/options/check.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { globToRegExp, watchedBy } from "../../core/watch/names.ts";
import { look, MOST } from "../../core/watch/look.ts";
import { ownFile } from "../../core/watch/own.ts";
import { ECHOES, LOOK_MS, SETTLE_MS } from "../../core/watch/watch.ts";
import { describe, test } from "../harness.ts";
import { settle, type Stage, stage } from "./world.ts";

/** A world with these files, which hold a line each. */
function worldOf(...paths: readonly string[]): MemoryWorld {
  const world = new MemoryWorld();
  for (const path of paths) world.files.set(path, "one");
  return world;
}

describe("globs", () => {
  const globs: readonly (readonly [string, string[], string[]])[] = [
    ["/a/*.ts", ["/a/b.ts", "/a/.ts"], ["/a/b/c.ts", "/a/b.tsx", "/b.ts"]],
    ["/a/**", ["/a/b", "/a/b/c.d"], ["/a", "/ab"]],
    ["/a/**/c.*", ["/a/c.x", "/a/b/c.x", "/a/b/b/c.x"], ["/a/bc.x"]],
    ["/?.js", ["/a.js"], ["/ab.js", "//.js"]],
    ["/a.{js,ts}", ["/a.js", "/a.ts"], ["/a.{js,ts}", "/axjs", "/a.j"]],
    ["/a+(b)[c]$,d}", ["/a+(b)[c]$,d}"], ["/aab"]],
    ["/a.{js", ["/a.js"], ["/a.ts"]],
  ];
  for (const [glob, yes, no] of globs) {
    test(glob, () => {
      const expression = globToRegExp(glob);
      assert.deepEqual(
        [...yes, ...no].map((path) => expression.test(path)),
        [...yes.map(() => true), ...no.map(() => false)],
      );
    });
  }
});

describe("what is watched", () => {
  const PATHS = [
    "/here/app.js",
    "/here/src/main.ts",
    "/here/src/lib/part.mjs",
    "/here/src/data.json",
    "/here/src/views/page.html",
    "/here/src/log.txt",
    "/here/src/tool.py",
    "/here/node_modules/dep/index.js",
    "/here/.cache/made.js",
    "/here/src/node_modules/dep/index.js",
    "/here/.env",
    "/etc/app.env",
    "/etc/deep/other.js",
    "/bin/python3",
  ];
  /** The files that are, by the names that they begin with here. */
  const seen = (options: Partial<PoolOptions>): string => {
    const { adapter: { host } } = worldOf(...PATHS);
    const config = checkOptions({ program: "src/main.ts", ...options });
    const watched = watchedBy(config, host);
    if (watched === undefined) return "nothing";
    return [...look(watched, host).files.keys()].sort()
      .map((path) => path.replace("/here/", "")).join(" ");
  };
  const all: readonly (readonly [Partial<PoolOptions>, string])[] = [
    [{}, "nothing"],
    [{ watch: false }, "nothing"],
    [{ watch: true }, "src/data.json src/lib/part.mjs src/main.ts"],
    [
      { watch: true, program: "/here/src/main.ts" },
      "src/data.json src/lib/part.mjs src/main.ts",
    ],
    [
      { watch: true, program: "main.ts", cwd: "src" },
      "src/data.json src/lib/part.mjs src/main.ts",
    ],
    [
      { watch: true, envFile: [".env", "/etc/app.env"] },
      "/etc/app.env .env src/data.json src/lib/part.mjs src/main.ts",
    ],
    [{ watch: "!src/data.json" }, "src/lib/part.mjs src/main.ts"],
    [
      { watch: [true, "src/views"] },
      "src/data.json src/lib/part.mjs src/main.ts src/views/page.html",
    ],
    [
      { watch: ["src/**", "!**/*.{txt,json}"] },
      "src/lib/part.mjs src/main.ts src/tool.py src/views/page.html",
    ],
    [{ watch: "src/log.txt" }, "src/log.txt"],
    [{ watch: "./src/*.txt" }, "src/log.txt"],
    [{ watch: "node_modules/dep/*" }, "node_modules/dep/index.js"],
    [
      { watch: true, program: "python3", args: ["-u", "src/tool.py"] },
      "src/data.json src/lib/part.mjs src/main.ts src/tool.py",
    ],
    [
      { watch: true, program: "npm", args: ["start"] },
      "app.js src/data.json src/lib/part.mjs src/main.ts",
    ],
  ];
  for (const [options, files] of all) {
    test(JSON.stringify(options), () => assert.equal(seen(options), files));
  }

  test("is no more than can be looked at", () => {
    const names = Array.from({ length: MOST + 1 }, (_, i) => `/here/${i}.txt`);
    const { adapter: { host } } = worldOf("/here/app.js", ...names);
    const config = checkOptions({ program: "app.js", watch: true });
    assert.throws(() => look(watchedBy(config, host)!, host), {
      name: "RangeError",
      message:
        `Cannot watch "/here": more than ${MOST} files are there, name those that matter as in --watch='src/**'`,
    });
  });
});

/** A pool of one worker that serves and is watched. */
async function watching(
  options: Partial<PoolOptions> = {},
  world: MemoryWorld = worldOf("/here/app.js", "/here/lib.js"),
): Promise<Stage> {
  const made = stage({ workers: 1, watch: true, ...options }, world);
  world.onSpawn = (process) => queueMicrotask(() => process.getReady());
  await made.pool.start();
  await settle();
  return made;
}

/** Writes a file, of which the system tells unless `silent`. */
function write(
  { world }: Stage,
  path: string,
  text: string,
  silent = false,
): void {
  world.files.set(path, text);
  if (!silent) { for (const hint of [...world.hints]) hint(); }
}

/** Lets time pass, and whoever was asked to leave. */
async function pass(made: Stage, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= SETTLE_MS) {
    made.world.advance(SETTLE_MS);
    await settle();
    for (const process of made.world.alive) {
      if (
        process.heard.some((each) => JSON.stringify(each).includes('"drain"'))
      ) {
        process.exit();
      }
    }
    await settle();
  }
}

describe("a pool that is watched", () => {
  test("does not start where there is too much to watch, and leaves nothing open", async () => {
    const world = new MemoryWorld();
    const crowd = Array.from({ length: MOST + 1 }, (_, i) => ({
      ...{ name: `${i}.js`, isDirectory: false },
    }));
    Object.assign(world.adapter.host, { entries: () => crowd });
    const options = { watch: true, listen: ["127.0.0.1:80", "unix:/s"] };
    const { pool, types } = stage({ ...options, health: ":90" }, world);
    await assert.rejects(pool.start(), { name: "RangeError" });
    await settle();
    assert.deepEqual([...world.bound.keys()], []);
    assert.deepEqual([world.started, world.timers, types()], [0, 0, []]);
    assert.deepEqual(await pool.stop(), { killed: 0 });
  });

  test("says so, and reloads when a file has changed and come to rest", async () => {
    const made = await watching();
    assert.deepEqual(made.all("watching"), [
      { type: "watching", directories: "/here", files: 2 },
    ]);
    write(made, "/here/lib.js", "two");
    made.world.advance(SETTLE_MS);
    await settle();
    write(made, "/here/lib.js", "three");
    write(made, "/here/new.ts", "one");
    made.world.advance(SETTLE_MS);
    await settle();
    assert.deepEqual(made.all("files-changed"), []);
    await pass(made, 1_000);
    assert.deepEqual(made.all("files-changed"), [
      { type: "files-changed", file: "lib.js", count: 2 },
    ]);
    assert.equal(made.all("reload-finished").length, 1);
    void made.pool.stop({ quick: true });
  });

  test("finds what nobody tells of, a file that is gone too", async () => {
    const made = await watching();
    made.world.files.delete("/here/lib.js");
    made.world.advance(LOOK_MS);
    await pass(made, 1_000);
    assert.deepEqual(made.all("files-changed"), [
      { type: "files-changed", file: "lib.js", count: 1 },
    ]);
    void made.pool.stop({ quick: true });
  });

  test("does nothing for files that are not watched, and none for no change", async () => {
    const made = await watching();
    write(made, "/here/access.log", "GET /");
    write(made, "/here/lib.js", "one");
    await pass(made, 2 * LOOK_MS);
    assert.deepEqual(made.all("files-changed"), []);
    void made.pool.stop({ quick: true });
  });

  test("takes no file that prefork writes for a change, whichever pool's it is", async () => {
    const made = await watching({
      watch: "**",
      statusFile: "run/state.json",
      pidFile: "run/pid",
    });
    write(made, "/here/logs/other.log", "");
    await pass(made, 2 * LOOK_MS);
    assert.deepEqual(
      made.all("files-changed").map(({ file }) => file),
      ["logs/other.log"],
    );
    // A pool beside it begins to write a file that was there before it.
    ownFile("/here/logs/other.log");
    for (const end of ["", ".1", ".2"]) {
      write(made, `/here/logs/other.log${end}`, end || "a line");
    }
    write(made, "/here/run/pid.upgrade", "{}");
    write(made, "/here/run/state.json", "{}");
    made.world.files.delete("/here/logs/other.log");
    await pass(made, 2 * LOOK_MS);
    assert.equal(made.all("files-changed").length, 1);
    write(made, "/here/run/state.js", "one");
    await pass(made, 2 * LOOK_MS);
    assert.equal(made.all("files-changed").length, 2);
    assert.equal(made.all("reload-finished").length, 2);
    void made.pool.stop({ quick: true });
  });

  test("reloads once more for what changes meanwhile, however often", async () => {
    const made = await watching({ soak: 10_000, workers: 2 });
    for (const text of ["two", "three", "four"]) {
      write(made, "/here/lib.js", text);
      await pass(made, 500);
    }
    assert.equal(made.all("files-changed").length, 3);
    await pass(made, 40_000);
    assert.equal(made.all("reload-finished").length, 2);
    void made.pool.stop({ quick: true });
  });

  test("keeps the old workers when the new code is broken", async () => {
    const made = await watching();
    made.world.onSpawn = (process) =>
      queueMicrotask(() => process.exit({ code: 1 }));
    write(made, "/here/lib.js", "broken");
    await pass(made, 1_000);
    assert.equal(made.all("reload-failed").length, 1);
    assert.equal(made.world.alive.length, 1);
    assert.equal(made.pool.status().ready, 1);
    void made.pool.stop({ quick: true });
  });

  test("holds back reloads that lead to each other, and says what to do", async () => {
    const made = await watching();
    const { world } = made;
    let starts = 0;
    world.onSpawn = (process) => {
      // As a program that writes what it has built, whenever it starts.
      write(made, "/here/made.json", String(starts++));
      queueMicrotask(() => process.getReady());
    };
    write(made, "/here/lib.js", "two");
    await pass(made, 120_000);
    const count = made.all("files-changed").length;
    assert.ok(count > ECHOES + 2 && count < ECHOES + 14, String(count));
    const told = made.all("warning").filter(({ message }) =>
      message.startsWith('"made.json" changes whenever the workers are new')
    );
    assert.equal(told.length, 1);
    // An edit counts all the same, and is not lost.
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    write(made, "/here/lib.js", "three");
    await pass(made, 70_000);
    const last = made.all("files-changed").at(-1)!;
    assert.ok(["lib.js", "made.json"].includes(last.file));
    assert.equal(made.all("reload-finished").length > count, true);
    void made.pool.stop({ quick: true });
  });

  test("watches no longer once it stops", async () => {
    const made = await watching();
    const { world } = made;
    assert.equal(world.hints.size, 1);
    const stop = made.pool.stop({ quick: true });
    await settle();
    for (const process of world.alive) process.exit();
    await stop;
    assert.equal(world.hints.size, 0);
  });

  test("has shorter times, unless they are given", () => {
    const times = (options: Partial<PoolOptions>): unknown[] => {
      const config = checkOptions({ program: "app.js", ...options });
      return [config.soak, config.trial, config.probation, config.grace];
    };
    assert.deepEqual(times({}), [1_000, 1_000, 10_000, 30_000]);
    assert.deepEqual(times({ watch: true }), [200, 1_000, 0, 2_000]);
    const own = { soak: 1, probation: 2, grace: 3 };
    assert.deepEqual(times({ watch: true, ...own }), [1, 1, 2, 3]);
  });
});
