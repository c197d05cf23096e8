/** The pools of a configuration file. */
import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Command, prefork, until } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { afterAll, describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { noNotifySocket, notifySocket } from "../notify_socket.ts";
import { upgraded } from "../upgraded.ts";

const LINUX = process.platform !== "linux" && "a command line is read in /proc";

const cwd = mkdtempSync(join(tmpdir(), "prefork-config-"));
afterAll(() => rmSync(cwd, { recursive: true }));
const write = (name: string, text: string): void =>
  writeFileSync(join(cwd, name), text);

mkdirSync(join(cwd, "views"));
write("package.json", `{ "type": "module" }`);
write(
  "program.js",
  `import { createServer } from "node:http";
   import process from "node:process";
   const { WHO, SHARED } = process.env;
   console.log(WHO + " writes");
   const { INSTANCE, NODE_APP_INSTANCE = "" } = process.env;
   if (INSTANCE) console.error("slot", INSTANCE, "of", WHO + "," + NODE_APP_INSTANCE);
   createServer((_, response) => response.end(WHO + SHARED)).listen();`,
);

/** A configuration file that is typed; it may import WHO. */
function config(text: string, who?: string): void {
  const mod = JSON.stringify(libraryFile("mod"));
  write(
    "prefork.config.ts",
    `import { defineConfig } from ${mod};
     ${who === undefined ? "" : `import { WHO } from "./${who}";`}
     const listen: string = "127.0.0.1:0";
     export default defineConfig(${text});`,
  );
}

async function addressOf(command: Command, pool: string): Promise<string> {
  const line = new RegExp(`^prefork ready (?=.*pool=${pool} ).*listen=(\\S+)`);
  const [, address = ""] = await command.line(line);
  return address;
}

describe("several pools of one file", () => {
  test("are one supervisor, each with its name in the log and for the verbs", async () => {
    config(`{
      env: { SHARED: "!" },
      workers: 1,
      pools: {
        web: { program: "program.js", listen, env: { WHO: "web" } },
        api: { program: "program.js", listen, env: { WHO: "api" } },
      },
    }`);
    const runs = mkdtempSync(join(cwd, "run-"));
    const notify = join(runs, "notify");
    using manager = noNotifySocket ? undefined : notifySocket(notify);
    const env = { XDG_RUNTIME_DIR: runs, NOTIFY_SOCKET: manager && notify };
    await using command = prefork([], { cwd, env });
    const [web, api] = [
      await addressOf(command, "web"),
      await addressOf(command, "api"),
    ];
    assert.equal((await get(web)).body, "web!");
    assert.equal((await get(api)).body, "api!");
    for (const line of command.lines) {
      assert.match(line, /^prefork .*\bpool=(web|api)\b|^\[(web|api) 0\] /);
    }
    if (manager !== undefined) {
      const ready = (): string[] =>
        manager.heard.filter((each) => each.startsWith("READY=1"));
      await until(() => ready().length > 0, "both are ready");
      assert.deepEqual(ready(), [
        "READY=1\nSTATUS=web: 1 of 1 workers ready, generation 1; api: 1 of 1 workers ready, generation 1",
      ]);
    }

    command.signal("SIGUSR2");
    await command.line(/pool=api .*Cannot upgrade the pool: .*--only NAME/);
    // The other one goes on.
    await using stop = prefork(["stop", "web"], { env, verb: true });
    assert.equal((await stop.ended).code, 0, stop.lines.join("\n"));
    await command.line(/^prefork stopped pool=web /);
    assert.equal((await get(api)).body, "api!");
    command.signal("SIGTERM");
    assert.deepEqual(await command.ended, { code: 0, signal: null });
  });

  test("end with the one that does not start, and with its exit code", async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    const { port } = other.address() as { port: number };
    config(`{
      pools: {
        web: { program: "program.js", listen, workers: 1 },
        api: { program: "program.js", listen: "127.0.0.1:${port}" },
      },
    }`);
    await using command = prefork([], { cwd });
    assert.deepEqual(await command.ended, { code: 4, signal: null });
    other.close();
    assert.match(
      command.lines.join("\n"),
      /^prefork: pool "api": Cannot bind .*: the port is in use by process \d+/m,
    );
    // Before it had a worker that could be seen to end, or after that.
    const pids = command.lines.flatMap((line) =>
      /worker-ready .*pid=(\d+)/.exec(line)?.[1] ?? []
    );
    for (const pid of pids) {
      assert.match(command.lines.join("\n"), new RegExp(`exited .*pid=${pid}`));
    }
  });
});

test("the apps of PM2's file are pools, and what does not count is told", async () => {
  write(
    "ecosystem.config.cjs",
    `module.exports = {
       apps: [
         {
           name: "web",
           script: "program.js",
           instances: 1,
           exec_mode: "cluster",
           max_memory_restart: "1G",
           kill_timeout: 5000,
           out_file: "logs/out/web.log",
           error_file: "logs/web.err",
           instance_var: "INSTANCE",
           min_uptime: "5s",
           watch: ["views", "logs/**"],
           env: { WHO: "web", SHARED: "?" },
           env_live: { SHARED: " live" },
         },
         {
           name: "api",
           script: "./program.js",
           vizion: true,
           env: { WHO: "api", SHARED: "" },
         },
       ],
     };`,
  );
  const file = join(cwd, "ecosystem.config.cjs");
  await using command = prefork(["--pm2", file, "--env", "live"]);
  const [web, api] = [
    await addressOf(command, "web"),
    await addressOf(command, "api"),
  ];
  assert.equal((await get(web)).body, "web live");
  assert.equal((await get(api)).body, "api");
  const told = command.lines.filter((line) => line.includes("does not count"));
  assert.deepEqual(
    told.map((line) => /pool=(\w+) message="\\"(\w+)/.exec(line)?.slice(1)),
    [["web", "min_uptime"], ["api", "vizion"]],
  );
  write("views/page.html", "new");
  await command.line(/^prefork files-changed pool=web file=views\/page\.html/);
  await command.line(/^prefork reload-finished pool=web /);
  assert.doesNotMatch(command.lines.join("\n"), /files-changed .*file=logs/);
  command.signal("SIGTERM");
  assert.deepEqual(await command.ended, { code: 0, signal: null });
  // The start that shows where a program listens writes too.
  const written = readFileSync(join(cwd, "logs/out/web-0.log"), "utf8");
  assert.match(written, /^(web writes\n)+$/);
  const errors = readFileSync(join(cwd, "logs/web.err"), "utf8");
  assert.match(errors, /^(slot 0 of web,\n)+$/);
  const own = new Set(command.of("stdout"));
  assert.deepEqual([...own], ["[api 0] api writes"]);
});

test("a reload reads the file again, and what it imports", async () => {
  const runs = mkdtempSync(join(cwd, "run-"));
  const env = { XDG_RUNTIME_DIR: runs };
  const usual =
    `name: "again", program: "program.js", listen, soak: 0, probation: 0`;
  write("who.js", `export const WHO = "old";`);
  config(`{ ${usual}, workers: 1, env: { WHO, SHARED: "?" } }`, "who.js");
  await using command = prefork([], { cwd, env });
  const [, address = ""] = await command.line(/^prefork ready .*listen=(\S+)/);
  assert.equal((await get(address)).body, "old?");

  write("who.js", `export const WHO = "new";`);
  config(
    `async () => ({ ${usual}, workers: 2, health: ":0", log: "json", env: { WHO, SHARED: "!" } })`,
    "who.js",
  );
  command.signal("SIGHUP");
  await command.line(
    /^prefork warning message="\\"health\\" has changed, which counts from an upgrade on/,
  );
  await command.line(/^prefork warning message="\\"log\\" has changed/);
  await command.line(
    /^prefork reload-started generation=2 options="?env,workers/,
  );
  await command.line(/^prefork reload-finished/);
  await command.line(/^prefork scaled from=1 to=2/);
  assert.equal((await get(address)).body, "new!");

  for (
    const [text, reason] of [
      [`{ ${usual}, workers: 0.5 }`, /Cannot use 0\.5 for "workers" in /],
      [`(() => { throw new Error("no vault"); })`, /Cannot read .*: no vault;/],
      [`{ ${usual}, program: "gone.js" }`, /Cannot start "gone\.js"/],
    ] as const
  ) {
    config(text);
    await using reload = prefork(["reload", "again"], { env, verb: true });
    assert.equal((await reload.ended).code, 1);
    const said = reload.lines.join("\n");
    assert.match(said, reason);
    assert.match(said, /^prefork: Cannot reload: .*; nothing has changed$/);
  }
  await command.line(/^prefork warning message="Cannot reload: .*; nothing/);
  rmSync(join(cwd, "prefork.config.ts"));
  await using reload = prefork(["reload", "again"], { env, verb: true });
  assert.equal((await reload.ended).code, 1);
  assert.match(reload.lines.join("\n"), /Cannot reload: Cannot run without a/);
  assert.equal((await get(address)).body, "new!");
  command.signal("SIGTERM");
  assert.deepEqual(await command.ended, { code: 0, signal: null });
});

test("an upgrade reads the file again", { skip: LINUX }, async () => {
  const one = (who: string): void =>
    config(
      `{ program: "program.js", listen, workers: 1, soak: 0, env: { WHO: "${who}", SHARED: "?" } }`,
    );
  one("old");
  await using command = prefork([], { cwd });
  await using pool = upgraded(command);
  const [, address = ""] = await command.line(/^prefork ready .*listen=(\S+)/);
  one("new");
  await pool.upgrade();
  await until(
    async () => (await get(address)).body === "new?",
    "what the new file says",
  );
});
