import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { PARTS } from "../../scripts/lib/rules.ts";
import { LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { patience } from "../pace.ts";
import { ownRuntime as runtime, type Runtime } from "../runtimes.ts";
import { programs } from "./programs.ts";

const files = programs();

/** The value of a query `?eval` is what the program answers. */
const SHOWS = `
import http from "node:http";
import process from "node:process";
const show = () => ({
  pid: process.pid, main: import.meta.main ?? true,
  args: process.argv.slice(2), execArgv: process.execArgv,
  net: globalThis.Deno?.permissions.querySync({ name: "net" }).state,
  run: globalThis.Deno?.permissions.querySync({ name: "run" }).state,
  env: Object.fromEntries(["PORT", "NODE_APP_INSTANCE", "PREFORK_SLOT",
    "PREFORK_GENERATION", "PREFORK_PROTOCOL", "PREFORK_PRELOAD"]
    .map((name) => [name, process.env[name]])),
});
http.createServer((request, response) => {
  response.end(JSON.stringify(show()));
}).listen(3000);
`;
const shows = files.write("shows.mjs", SHOWS);

describe("an unmodified program", () => {
  test("is a worker, stays the main module and finds the variables of habit", async () => {
    await using command = prefork([
      ...["-w", "2", "-r", runtime, ...LOCAL],
      ...[shows, "-x", "--help"],
    ]);
    const { listen } = await ready(command);
    const all = [...await distinct(listen!, 2)].map((body) => JSON.parse(body));
    assert.deepEqual(
      all.map(({ pid }) => pid).sort(),
      readyPids(command).sort(),
    );
    for (const { main, args, env } of all) {
      assert.equal(main, true);
      assert.deepEqual(args, ["-x", "--help"]);
      assert.deepEqual(env, {
        PORT: listen!.split(":")[1],
        NODE_APP_INSTANCE: env.PREFORK_SLOT,
        PREFORK_SLOT: env.PREFORK_SLOT,
        PREFORK_GENERATION: "1",
      });
    }
  });

  const ARGS: Readonly<Record<Runtime, readonly string[]>> = {
    node: ["--max-old-space-size=99", "--no-deprecation"],
    deno: ["--allow-env", "--allow-net", "--quiet"],
    bun: ["--smol"],
  };

  test("is started with the arguments for the runtime", async () => {
    await using command = prefork([
      ...["-w", "1", "-r", runtime, ...LOCAL],
      ...ARGS[runtime].flatMap((arg) => ["--runtime-arg", arg]),
      shows,
    ]);
    const { listen } = await ready(command);
    const { execArgv, net, run } = JSON.parse((await get(listen!)).body);
    if (runtime === "deno") {
      assert.deepEqual([net, run], ["granted", "prompt"]);
    } else {assert.deepEqual(
        execArgv.slice(-ARGS[runtime].length),
        ARGS[runtime],
      );}
  });

  test("that imports another copy of prefork has one worker with it", async () => {
    const root = fileURLToPath(new URL("../../", import.meta.url));
    for (const part of PARTS) {
      cpSync(join(root, part), join(files.directory, "copy", part), {
        recursive: true,
      });
    }
    const path = files.write(
      "copied.ts",
      `import { attach, serve } from "./copy/worker.ts";
       const { slot, supervised } = attach();
       await serve(() => new Response(slot + " " + supervised));`,
    );
    await using command = prefork(["-w", "2", ...LOCAL, path]);
    const { listen } = await ready(command);
    assert.deepEqual(
      [...await distinct(listen!, 2)].sort(),
      ["0 true", "1 true"],
    );
    command.signal("SIGHUP");
    await command.line(/^prefork reload-finished /);
  });

  test("does not make workers of its threads and of what it starts", async () => {
    const child = files.write(
      "child.mjs",
      `console.log("child", process.env.PREFORK_SLOT, typeof process.send);`,
    );
    const path = files.write(
      "parent.mjs",
      `import { execFile, spawn } from "node:child_process";
       import http from "node:http";
       import process from "node:process";
       import { isMainThread, parentPort, Worker } from "node:worker_threads";
       const url = new URL(import.meta.url);
       if (!isMainThread) parentPort.postMessage("thread");
       else {
         const args = globalThis.Deno ? ["run", "-A"] : [];
         spawn(process.execPath, [...args, ${JSON.stringify(child)}], {
           stdio: "inherit",
         }).once("exit", () => {
           new Worker(url).once("message", (text) => {
             console.log(text);
             http.createServer((_, response) => response.end()).listen(1);
           });
         });
       }`,
    );
    await using command = prefork(["-w", "1", ...LOCAL, path]);
    await ready(command);
    assert.deepEqual(command.of("stdout"), [
      "[0] child undefined undefined",
      "[0] thread",
    ]);
  });

  test("says itself when it is ready, if it is asked to", async () => {
    const path = files.write(
      `${runtime}_says.mjs`,
      `import http from "node:http";
         import process from "node:process";
         const server = http.createServer((request, response) => {
           response.end("hi");
           process.send("ready");
         }).listen(process.env.PORT, () => console.log("listening"));`,
    );
    await using command = prefork([
      ...["-w", "1", "-r", runtime, "--wait-ready", ...LOCAL],
      path,
    ]);
    const [, listen] = await command.line(
      /^prefork listening .*address=(\S+)/,
    );
    await command.line(/^\[0\] listening/);
    assert.deepEqual(readyPids(command), []);
    assert.equal((await get(listen!)).body, "hi");
    await ready(command);
  });
});

describe("a program that cannot be a worker", () => {
  const fails = async (
    args: readonly string[],
    reason: string | RegExp,
  ): Promise<void> => {
    await using command = prefork(["-w", "2", ...LOCAL, ...args]);
    assert.equal((await command.ended).code, 3);
    const last = command.lines.at(-1)!;
    if (typeof reason !== "string") assert.match(last, reason);
    else assert.equal(last, `prefork: Cannot start the program: ${reason}`);
  };

  /** Seconds in which a program that boots has got as far as it gets. */
  const limit = patience(3);

  test("because it never listens", () =>
    fails(
      [
        "--start-timeout",
        `${limit}s`,
        files.write("silent.mjs", "setInterval(() => {}, 1000);"),
      ],
      `the program has not called listen() in ${limit} s`,
    ));

  test("because it never says that it is ready", () =>
    fails(
      ["--start-timeout", `${limit}s`, "--wait-ready", shows],
      `the program has not said process.send("ready") in ${limit} s`,
    ));

  test("because it listens past the pool", {
    skip: process.platform !== "linux" && "sockets are looked for in /proc",
  }, () => {
    // It looks when four fifths of the time are over, and has to be heard.
    const enough = 3 * limit;
    return fails(
      [
        ...["-r", "node", "--start-timeout", `${enough}s`],
        files.write(
          "past.mjs",
          `const { TCP, constants } = process.binding("tcp_wrap");
           globalThis.kept = new TCP(constants.SERVER);
           kept.bind("127.0.0.1", 0); kept.listen(9);
           setInterval(() => kept, 1000);`,
        ),
      ],
      new RegExp(
        `: the program listens on port \\d+ past the pool and has not called listen\\(\\) in ${enough} s; `,
      ),
    );
  });

  test("because it listens elsewhere", () => {
    const enough = 3 * limit;
    return fails(
      [
        ...["-r", "node", "--start-timeout", `${enough}s`],
        files.write(
          "elsewhere.mjs",
          `import http from "node:http";
           http.createServer().listen("${files.directory}/x.sock");`,
        ),
      ],
      new RegExp(
        `: it listens on unix:${files.directory}/x.sock, the pool has 127.0.0.1:\\d+; name what the program listens on as in "-l unix:${files.directory}/x.sock"$`,
      ),
    );
  });

  test("because the runtime refuses an argument", () =>
    fails(
      ["-r", "node", "--runtime-arg", "--no-such-flag", shows],
      /: it exited with code 9 before it was ready: \S*node: bad option: --no-such-flag$/,
    ));

  test("because Deno may not read the environment", () =>
    fails(
      ["-r", "deno", "--runtime-arg", "--allow-net", shows],
      'Deno does not let the program be a worker, add "--runtime-arg --allow-env" to the command',
    ));

  test("because Deno serves it on its own", () =>
    fails(
      ["deno", "serve", shows],
      /^prefork: Cannot start "deno serve": it opens a port of its own, /,
    ));
});

test("the pool reloads an unmodified program and keeps its port", async () => {
  await using command = prefork(["-w", "2", ...LOCAL, shows]);
  const { listen } = await ready(command);
  command.signal("SIGHUP");
  await command.line(/^prefork reload-finished /);
  const { env } = JSON.parse((await get(listen!)).body);
  assert.equal(env.PREFORK_GENERATION, "2");
  assert.equal(env.PORT, listen!.split(":")[1]);
});
