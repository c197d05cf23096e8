import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { LOCAL, prefork, ready } from "../command.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { programs } from "../preload/programs.ts";
import { ownRuntime, type Runtime } from "../runtimes.ts";

const files = programs();
const current = join(files.directory, "current");

const INTERPRETER: Readonly<Record<Runtime, string>> = {
  node: "node --no-warnings",
  deno: "deno run -A --quiet",
  bun: "bun run --smol",
};

const PROGRAM = `#!/usr/bin/env -S ${INTERPRETER[ownRuntime]}
import { readFileSync } from "node:fs";
import http from "node:http";
import process from "node:process";
const show = () => ({
  version: readFileSync(process.argv[2], "utf8"),
  runtime: globalThis.Bun ? "bun" : globalThis.Deno ? "deno" : "node",
  flags: process.execArgv.join(" "),
  systemd: [process.env.LISTEN_FDS, process.env.LISTEN_PID].join(""),
});
if (show().version === "broken") process.exit(1);
http.createServer((_, response) => {
  response.end(JSON.stringify(show()));
}).listen(3000);
`;

/** Writes a release with a command among its installed packages. */
function release(version: string): string {
  const at = `releases/${version}`;
  const modules = join(files.directory, at, "node_modules");
  for (const name of [".bin", "served"]) {
    mkdirSync(join(modules, name), { recursive: true });
  }
  files.write(`${at}/node_modules/served/cli.mjs`, PROGRAM);
  symlinkSync("../served/cli.mjs", join(modules, ".bin/served"));
  files.write(`${at}/version.txt`, version);
  return at;
}

/** Makes a release the current one, in one step as deploys do it. */
function activate(at: string): void {
  symlinkSync(at, join(files.directory, "next"));
  renameSync(join(files.directory, "next"), current);
}

test("a command of an installed package follows the link to its release", async () => {
  const first = release("one");
  activate(first);
  await using command = prefork(
    ["-w", "1", ...LOCAL, "served", "version.txt"],
    { cwd: current, env: { PWD: current } },
  );
  await command.line(/^prefork listening .* share=balanced /);
  const { listen, runtime } = await ready(command);
  const show = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await get(listen!)).body);
  assert.equal(runtime, ownRuntime);
  const { version, flags, ...rest } = await show();
  assert.equal(version, "one");
  assert.deepEqual(rest, { runtime: ownRuntime, systemd: "" });
  if (ownRuntime === "node") assert.match(String(flags), /--no-warnings$/);

  // What does not boot is found out before the old worker goes.
  activate(release("broken"));
  command.signal("SIGHUP");
  await command.line(/^prefork reload-failed /);
  assert.equal((await show())["version"], "one");

  activate(release("two"));
  rmSync(join(files.directory, first), { recursive: true });
  command.signal("SIGHUP");
  await command.line(/^prefork reload-finished /);
  assert.equal((await show())["version"], "two");
});
