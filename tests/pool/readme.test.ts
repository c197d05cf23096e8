/** The programs of the README, run as they stand there. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LOCAL, PATH, prefork, ready, watch } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { binary, cleanEnv, ownRuntime, runtimeArgs } from "../runtimes.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = readFileSync(`${root}README.md`, "utf8");
const programs = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text]) =>
  text!
    .replace('"prefork/worker"', JSON.stringify(`${root}worker.ts`))
    .replace('"prefork"', JSON.stringify(`${root}mod.ts`))
    .replace('":8080"', '"127.0.0.1:0"')
);

const dir = mkdtempSync(join(tmpdir(), "prefork-readme-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
writeFileSync(join(dir, "server.ts"), programs[0]!);
writeFileSync(join(dir, "pool.ts"), programs[1]!);
// A folder of modules, as `npm init` would make it.
writeFileSync(join(dir, "package.json"), '{"type":"module"}');

describe("the README", () => {
  test("has the two programs", () => {
    assert.equal(programs.length, 2);
    assert.match(programs[0]!, /serve\(/);
    assert.match(programs[1]!, /new Pool\(/);
  });

  test("the worker's program runs in a pool", async () => {
    await using command = prefork(
      ["-w", "2", ...LOCAL, "server.ts"],
      {
        cwd: dir,
      },
    );
    const { listen } = await ready(command);
    const bodies = await distinct(listen!, 2);
    for (const body of bodies) assert.match(body, /^Hello from \d+\n$/);
  });

  test("the library's program starts, reloads and stops a pool", async () => {
    await using program = watch(spawn(
      binary(ownRuntime),
      runtimeArgs(ownRuntime, join(dir, "pool.ts")),
      { cwd: dir, env: cleanEnv({ PATH }), stdio: ["ignore", "pipe", "pipe"] },
    ));
    assert.deepEqual(
      await program.ended,
      { code: 0, signal: null },
      program.lines.join("\n"),
    );
  });
});
