/**
 * A worker loads what its runtime and its mode need, and little else; and what
 * the command loads it keeps compiled.
 *
 * Runs once, under vitest: pool and worker are Node's under each runner, since
 * only Node tells what it has loaded.
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "../harness.ts";
import { binary } from "../runtimes.ts";
import { type Consumer, npmConsumer } from "./consumer.ts";
import { run } from "./run.ts";

/** Tells what a worker has loaded when its server listens. */
const HOOKS = `import { registerHooks } from "node:module";
globalThis.loaded = [];
registerHooks({
  load(url, context, next) {
    if (url.startsWith("file:")) globalThis.loaded.push(url);
    return next(url, context);
  },
});
`;
const TELL = `process.on("exit", () => {
  console.log("TOLD " + JSON.stringify(globalThis.loaded));
});
`;
const LOADED = `() => {
  console.log("LOADED " + JSON.stringify({
    files: globalThis.loaded,
    builtins: process.moduleLoadList.flatMap((name) =>
      name.startsWith("NativeModule ") ? [name.slice(13)] : []
    ),
  }));
  process.kill(process.ppid, "SIGTERM");
}`;
const PROGRAM = `require("node:net").createServer().listen(8080, ${LOADED});
`;
/** Its `import` would load undici by itself, on Node. */
const HTTP = `require("node:http").createServer().listen(8080, ${LOADED});
`;
const ATTACHED = `import { attach } from "prefork/worker";
attach().ready();
(${LOADED})();
`;
const SERVES = `import { serve } from "prefork/worker";
await serve(() => new Response("hello"));
(${LOADED})();
`;
const UNDICI = "internal/deps/undici/undici";

interface Loaded {
  readonly files: readonly string[];
  readonly builtins: readonly string[];
}

let consumer: Consumer;
beforeAll(async () => {
  consumer = await npmConsumer();
  consumer.write("hooks.mjs", HOOKS);
  consumer.write("telling.mjs", HOOKS + TELL);
  // Before the arguments of the command, which load the package.
  consumer.write(
    "worker.env",
    `NODE_OPTIONS="--import=${consumer.path}/hooks.mjs"\n`,
  );
  consumer.write("net.cjs", PROGRAM);
  consumer.write("http.cjs", HTTP);
  consumer.write("attached.mjs", ATTACHED);
  consumer.write("serves.mjs", SERVES);
});
afterAll(() => consumer.remove());

describe("a worker on Node", () => {
  const loadedBy = async (
    library: string,
    program = "net.cjs",
  ): Promise<Loaded> => {
    const output = await run([
      ...[binary("node"), library, "-w", "1", "-l", "127.0.0.1:0"],
      ...["--env-file", "worker.env", "--compile-cache", "off", program],
    ] as [string, ...string[]], consumer.path);
    return JSON.parse(/LOADED (\{.*\})/.exec(output)![1]!);
  };

  const DIST = "node_modules/prefork/dist/cli.js";
  const namesOf = ({ files }: Loaded): string[] =>
    files.filter((url) => url.includes("/prefork/dist/"))
      .map((url) => url.slice(url.lastIndexOf("/") + 1));
  const without = ({ builtins }: Loaded, names: readonly string[]): void => {
    for (const name of names) {
      assert.ok(!builtins.includes(name), `node:${name} is not loaded`);
    }
  };
  const PRELOADED = ["preload.js", "attached.js", "shared.js"];

  test("reads few files of the package, and no builtin for the sake of others", async () => {
    const loaded = await loadedBy(DIST);
    assert.deepEqual(namesOf(loaded), PRELOADED);
    without(loaded, ["http", "https", "http2", "tls", "crypto", UNDICI]);
  });

  test("has a program of node:http load nothing but node:http", async () => {
    const loaded = await loadedBy(DIST, "http.cjs");
    assert.deepEqual(namesOf(loaded), PRELOADED);
    assert.ok(loaded.builtins.includes("http"));
    without(loaded, ["https", "http2", "tls", "crypto", UNDICI]);
  });

  test("that imports the package and attaches loads no server, and no undici", async () => {
    const loaded = await loadedBy(DIST, "attached.mjs");
    assert.deepEqual(
      namesOf(loaded).filter((name) => !PRELOADED.includes(name)).sort(),
      ["serve.js", "worker.js"],
    );
    without(loaded, ["http", "https", "http2", "tls", "crypto", UNDICI]);
    without(loaded, ["worker_threads"]);
  });

  test("that serves a fetch handler loads its bridge, and what that stands on", async () => {
    const loaded = await loadedBy(DIST, "serves.mjs");
    const own = namesOf(loaded);
    assert.deepEqual(
      own.filter((name) => !PRELOADED.includes(name)).sort(),
      ["native.js", "serve.js", "worker.js"],
    );
    assert.ok(loaded.builtins.includes("http"));
    assert.ok(loaded.builtins.includes(UNDICI));
  });

  test("reads none of the sources that are Bun's or Deno's alone", async () => {
    const cli = new URL("../../cli.ts", import.meta.url);
    const { files } = await loadedBy(fileURLToPath(cli));
    assert.ok(files.some((url) => url.endsWith("/worker/attach.ts")));
    const foreign = files.filter((url) =>
      /\/worker\/(bun|deno|fetch)\//.test(url)
    );
    assert.deepEqual(foreign, []);
  });
});

test("a supervisor reads few files of the package, and they are small", async () => {
  const output = await run([
    ...[binary("node"), "--import", "./telling.mjs"],
    ...["node_modules/prefork/dist/cli.js", "-w", "1"],
    ...["-l", "127.0.0.1:0", "net.cjs"],
  ] as [string, ...string[]], consumer.path);
  const files: string[] = JSON.parse(/TOLD (\[.*\])/.exec(output)![1]!);
  const own = files.filter((url) => url.includes("/prefork/dist/"));
  assert.deepEqual(
    own.map((url) => url.slice(url.lastIndexOf("/") + 1)).sort(),
    ["child_process", "cli", "compile_cache", "node", "pool", "shared"]
      .map((name) => `${name}.js`),
  );
  const bytes = own.reduce(
    (sum, url) => sum + statSync(fileURLToPath(url)).size,
    0,
  );
  // Each kB is read and parsed at each start.
  assert.ok(bytes < 425_000, `${bytes} bytes`);
});

test("the command keeps itself compiled on Node, unless it is told not to", async () => {
  const kept = async (...words: string[]): Promise<number> => {
    const home = `${consumer.path}/cache${words.join("")}`;
    await run([
      // The gate sets it, and it would go first.
      ...["env", "-u", "NODE_COMPILE_CACHE", `XDG_CACHE_HOME=${home}`],
      ...[binary("node"), "node_modules/prefork/dist/cli.js"],
      ...[...words, "--version"],
    ] as [string, ...string[]], consumer.path);
    const files = existsSync(home)
      ? readdirSync(home, { recursive: true })
      : [];
    return files.length;
  };
  // The directory, the version's in it, and at least the two largest files.
  assert.ok(await kept() >= 4);
  assert.equal(await kept("--compile-cache=off"), 0);
});
