/** Node keeps the compiled code of a program; nothing of it can harm a start. */

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheDirectory } from "../../adapters/shared/cache_directory.ts";
import { LOCAL, prefork, ready, until } from "../command.ts";
import { afterAll, beforeAll, describe, test } from "../harness.ts";
import { get } from "../http.ts";

describe("the compile cache", () => {
  let home: string;
  let program: string;
  const write = (answer: string): void => {
    const text = `module.exports = () => ${JSON.stringify(answer)};\n`;
    writeFileSync(join(home, "part.cjs"), text);
  };
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "prefork-cache-"));
    program = join(home, "program.cjs");
    writeFileSync(
      program,
      `const answer = require("./part.cjs");
require("node:http").createServer((_, res) => res.end(JSON.stringify([
  answer(),
  require("node:module").getCompileCacheDir(),
  process.env.NODE_COMPILE_CACHE,
]))).listen(8080);
`,
    );
    write("before");
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const start = (
    cache: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) =>
    prefork(["-w", "1", ...LOCAL, "-r", "node", ...cache, program], {
      // The gate sets it, and it would go first.
      env: { NODE_COMPILE_CACHE: undefined, ...env },
    });
  const answers = async (listen: string): Promise<unknown[]> =>
    JSON.parse((await get(listen)).body);

  test("is filled by the first generation, and a reload has changed files", async () => {
    const cache = join(home, "cache");
    await using command = start(["--compile-cache", cache]);
    const { listen } = await ready(command);
    const [answer, directory, variable] = await answers(listen!);
    assert.equal(answer, "before");
    assert.ok(String(directory).startsWith(`${cache}/`), String(directory));
    assert.equal(variable, null, "not inherited by what it starts");
    const files = (): string[] =>
      existsSync(String(directory)) ? readdirSync(String(directory)) : [];
    // More than the program has: the worker's own as well.
    await until(() => files().length > 2, "compiled code is written");
    write("after");
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /);
    const [changed, same] = await answers(listen!);
    assert.equal(changed, "after");
    assert.equal(same, directory);
    command.signal("SIGTERM");
    await command.ended;
  });

  test("is this user's own directory unless one is given", async () => {
    await using command = start([], { XDG_CACHE_HOME: home });
    const { listen } = await ready(command);
    const [, directory] = await answers(listen!);
    const own = join(home, "prefork");
    assert.ok(String(directory).startsWith(`${own}/`), String(directory));
    command.signal("SIGTERM");
    await command.ended;
  });

  test("is off when it is to be, and Node's own variables go first", async () => {
    const nodes = join(home, "nodes");
    for (
      const [args, env, expected] of [
        [["--compile-cache=off"], {}, /^undefined$/],
        [[], { NODE_DISABLE_COMPILE_CACHE: "1" }, /^undefined$/],
        [[], { NODE_COMPILE_CACHE: nodes }, new RegExp(`^${nodes}/`)],
      ] as const
    ) {
      await using command = start(args, env);
      const { listen } = await ready(command);
      const [, directory] = await answers(listen!);
      assert.match(String(directory ?? undefined), expected);
      command.signal("SIGTERM");
      await command.ended;
    }
  });

  test("costs no start when others could write into it: a line says so", async () => {
    const open = join(home, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    await using command = start(["--compile-cache", open]);
    const { listen } = await ready(command);
    await command.line(/^prefork warning .*can be written by other users/);
    const [answer, directory] = await answers(listen!);
    assert.equal(typeof answer, "string");
    assert.equal(directory ?? undefined, undefined);
    command.signal("SIGTERM");
    await command.ended;
  });

  test("is no link and no file", () => {
    const file = join(home, "file");
    writeFileSync(file, "");
    const link = join(home, "link");
    symlinkSync(home, link);
    assert.throws(() => cacheDirectory(file), /is no directory$/);
    assert.throws(
      () => cacheDirectory(join(file, "a")),
      /cannot be made \(ENOTDIR\)$/,
    );
    assert.throws(() => cacheDirectory(link), /is no directory$/);
    const fresh = join(home, "a", "b");
    assert.equal(cacheDirectory(fresh), fresh);
  });
});
