/**
 * Programs that do with their socket's path what they have to do by hand. It is
 * workers that see to it, so each runner has those of its own runtime.
 */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { IDLE_GRACE, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get, unanswered } from "../http.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { programs } from "./programs.ts";

const files = programs();

/** Removes each path by all means that it has, listens there, and removes it. */
const removes = files.write(
  "removes.mjs",
  `
import fs, { chmodSync, existsSync, rmSync, unlinkSync } from "node:fs";
import fsp, { unlink } from "node:fs/promises";
import http from "node:http";
import process from "node:process";
import { pathToFileURL } from "node:url";
const [path, other] = process.argv.slice(2);
const { Deno, Bun } = globalThis;
const steps = [
  () => unlinkSync(path),
  () => fs.unlinkSync(pathToFileURL(path)),
  () => rmSync(path, { force: true }),
  () => fs.rmSync(path.replace(/[^/]+$/, "./$&")),
  () => unlink(path),
  () => fsp.rm(Buffer.from(path)),
  () => new Promise((resolve) => fs.unlink(path, resolve)),
  () => new Promise((resolve) => fs.rm(path, {}, resolve)),
  () => Deno?.removeSync(path),
  () => Deno?.remove(path),
  () => Bun?.file(path).delete(),
];
const gone = [];
for (const [i, step] of steps.entries()) {
  await step();
  if (!existsSync(path)) gone.push(i);
}
const say = (_, response) => response.end(process.pid + " " + gone);
http.createServer(say).listen(path, () => chmodSync(path, 0o660));
if (existsSync(other)) unlinkSync(other);
http.createServer(say).listen(other);
chmodSync(other, "606");
process.on("exit", () => {
  unlinkSync(path);
  unlinkSync(other);
});
`,
);

describe("the path of a pool's socket", () => {
  test("is not the program's to remove", async () => {
    const directory = files.directory;
    const paths = ["", "-other"].map((end) => `${directory}/${runtime}${end}`);
    const [path, other] = paths as [string, string];
    await using command = prefork([
      ...["-w", "2", "-r", runtime, "-l", `unix:${path}`, ...IDLE_GRACE],
      removes,
      ...paths,
    ]);
    await ready(command);
    const asking = new AbortController();
    const asked = (async () => {
      while (!asking.signal.aborted) {
        assert.match((await get(`unix:${path}`)).body, /^\d+ $/);
      }
    })();
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished/);
    asking.abort();
    await asked;
    assert.equal(statSync(path).mode & 0o777, 0o660);
    await distinct(`unix:${other}`, 2);
    assert.equal(statSync(other).mode & 0o777, 0o606);
    assert.doesNotMatch(
      command.lines.join("\n"),
      new RegExp(`${path}\\W+was`),
    );
  });

  test("comes back whoever has removed it, and after a death without warning", async () => {
    const directory = join(files.directory, "own");
    mkdirSync(directory);
    const path = join(directory, "s");
    const plain = files.write(
      "plain.mjs",
      `import { execFileSync } from "node:child_process";
       import { chmodSync } from "node:fs";
       import http from "node:http";
       const [path] = process.argv.slice(2);
       const server = http.createServer((_, response) => response.end("ok"));
       server.listen(path, () => {
         execFileSync("rm", ["-f", path]);
         chmodSync(path, 0o606);
       });`,
    );
    const start = () => prefork(["-w", "1", "-l", `unix:${path}`, plain, path]);
    {
      await using killed = start();
      await ready(killed);
    }
    await unanswered(`unix:${path}`);
    await using command = start();
    await ready(command);
    assert.equal(statSync(path).mode & 0o777, 0o606);
    unlinkSync(path);
    await command.line(/^prefork warning .*was removed, and is there again/);
    assert.equal((await get(`unix:${path}`)).body, "ok");
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    assert.deepEqual(readdirSync(directory), []);
  });
});
