/**
 * A worker loads what its runtime and its mode need, and little else; and what
 * the command loads it keeps compiled.
 *
 * Runs once, under vitest: pool and worker are Node's under each runner, since
 * only Node tells what it has loaded.
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
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
const PROGRAM = `require("node:net").createServer().listen(8080, () => {
  console.log("LOADED " + JSON.stringify({
    files: globalThis.loaded,
    builtins: process.moduleLoadList.flatMap((name) =>
      name.startsWith("NativeModule ") ? [name.slice(13)] : []
    ),
  }));
  process.kill(process.ppid, "SIGTERM");
});
`;

interface Loaded {
  readonly files: readonly string[];
  readonly builtins: readonly string[];
}

describe("an unmodified program's worker on Node", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await npmConsumer();
    consumer.write("hooks.mjs", HOOKS);
    // Before the arguments of the command, which load the package.
    consumer.write(
      "worker.env",
      `NODE_OPTIONS="--import=${consumer.path}/hooks.mjs"\n`,
    );
    consumer.write("net.cjs", PROGRAM);
  });
  afterAll(() => consumer.remove());

  const loadedBy = async (library: string): Promise<Loaded> => {
    const output = await run([
      ...[binary("node"), library, "-w", "1", "-l", "127.0.0.1:0"],
      ...["--env-file", "worker.env", "--compile-cache", "off", "net.cjs"],
    ] as [string, ...string[]], consumer.path);
    return JSON.parse(/LOADED (\{.*\})/.exec(output)![1]!);
  };

  test("reads few files of the package, and no builtin for the sake of others", async () => {
    const { files, builtins } = await loadedBy(
      "node_modules/prefork/dist/cli.js",
    );
    const own = files.filter((url) => url.includes("/prefork/dist/"));
    assert.deepEqual(own.map((url) => url.slice(url.lastIndexOf("/") + 1)), [
      "preload.js",
      "attached.js",
      "shared.js",
    ]);
    for (
      const name of ["http", "https", "http2", "tls", "crypto"]
        .concat("internal/deps/undici/undici")
    ) assert.ok(!builtins.includes(name), `node:${name} is not loaded`);
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

test("the command keeps itself compiled on Node, unless it is told not to", async () => {
  const consumer = await npmConsumer();
  try {
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
  } finally {
    consumer.remove();
  }
});
