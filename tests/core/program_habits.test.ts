import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { AcceptorsLook } from "../../core/adapter/acceptors.ts";
import type { Adapter } from "../../core/adapter.ts";
import { commandOf } from "../../core/launch/program.ts";
import { habitsOf } from "../../core/launch/program_habits.ts";
import { checkOptions } from "../../core/options/check.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { TRUST_MS } from "../../core/supervise/program.ts";
import { describe, test } from "../harness.ts";
import { settle, stage } from "./world.ts";

const SOCKETS = [
  { address: "127.0.0.1:80", fd: 3 },
  { address: "unix:/run/a.sock", fd: 4 },
];

/** How a command line is treated. */
function habits(
  line: string,
  options: Partial<PoolOptions> = {},
  { head, fdPlacement = true, bash = true }: {
    readonly head?: string;
    readonly fdPlacement?: boolean;
    readonly bash?: boolean;
  } = {},
) {
  const [program = "", ...args] = line.split(" ");
  const { adapter } = new MemoryWorld();
  const on: Adapter = {
    ...adapter,
    capabilities: { ...adapter.capabilities, fdPlacement },
    host: {
      ...adapter.host,
      head: () => head,
      exists: (path) => bash || path !== "/bin/bash",
    },
  };
  const config = checkOptions({ program, args, ...options });
  const found = habitsOf(config, on);
  const file = () => "/tmp/prefork-1";
  const added = found.argumentsFor({ sockets: SOCKETS, file }).join(" ");
  const words = commandOf({
    ...config,
    runtime: "exec",
    habits: found,
  }, on);
  return { ...found, added, script: words[1] === "-c" ? words[2]! : "" };
}

describe("a program that is known", () => {
  const rows = [
    ["unicorn -c a.rb", "unicorn listen-fds SIGQUIT", ""],
    ["bundle exec unicorn_rails", "unicorn listen-fds SIGQUIT", ""],
    ["gunicorn app:app", "gunicorn listen-fds SIGTERM", ""],
    ["gunicorn -k uvicorn.W a:b", "gunicorn listen-fds SIGTERM", ""],
    [
      "/usr/bin/puma",
      "puma listen-fds SIGTERM",
      "-b tcp://127.0.0.1:80 -b unix:///run/a.sock",
    ],
    ["puma -b tcp://x:1", "puma listen-fds SIGTERM", ""],
    ["python3 -m uvicorn a:b", "uvicorn listen-fds SIGTERM", "--fd 3"],
    ["uvicorn --fd 3 a:b", "uvicorn listen-fds SIGTERM", ""],
    [
      "env A=1 python3.12 -m hypercorn a:b",
      "hypercorn listen-fds SIGTERM",
      "--bind fd://3 --bind fd://4",
    ],
    ["nginx", "nginx nginx SIGQUIT", "-g pid /tmp/prefork-1.pid;"],
    ["nginx -g x", "nginx nginx SIGQUIT", ""],
    ["nice -n 5 haproxy -f a", "haproxy listen-fds SIGUSR1", "-db"],
    ["starman a.psgi", "starman server-starter SIGQUIT", ""],
    ["plackup -s Starman a.psgi", "starman server-starter SIGQUIT", ""],
    ["plackup -s Starlet a.psgi", "starlet server-starter SIGTERM", ""],
    ["php-fpm8.2 -y a", "php-fpm fpm SIGQUIT", "--nodaemonize"],
    ["php-fpm -F", "php-fpm fpm SIGQUIT", ""],
    ["plackup a.psgi", "undefined auto SIGTERM", ""],
    ["python3 unicorn.py", "undefined auto SIGTERM", ""],
    ["./run unicorn", "undefined auto SIGTERM", ""],
  ] as const;
  for (const [line, treated, added] of rows) {
    test(`"${line}" is ${treated}, and gets "${added}"`, () => {
      const found = habits(line);
      const { name, pass, stopSignal } = found;
      assert.equal(`${name} ${pass} ${stopSignal}`, treated);
      assert.equal(found.added, added);
    });
  }
  test("whose configuration says it itself gets no argument", () => {
    assert.equal(habits("nginx", {}, { head: "\n  pid /run/x;" }).added, "");
    assert.notEqual(habits("nginx", {}, { head: "# no pid x;" }).added, "");
  });
  test("has a file of its own where nobody else can write", async () => {
    const made = stage({ program: "nginx", workers: 1 });
    const words = () => made.world.processes[0]?.plan.command.join(" ");
    const started = made.pool.start();
    await settle();
    assert.match(words()!, / -g pid \/run\/prefork\/1000-0-1\.pid;$/);
    await made.pool.stop({ quick: true });
    await assert.rejects(started);
  });
  test("is not started without a directory for that", async () => {
    const world = new MemoryWorld();
    const privateDirectory = (): string => {
      throw new Error(`"/run/prefork" is bad`);
    };
    Object.assign(world.adapter.host, { privateDirectory });
    const { pool } = stage({ program: "nginx", workers: 1 }, world);
    await assert.rejects(pool.start(), {
      message:
        /Cannot start "nginx": it has no directory for a file of its own, because "\/run\/prefork" is bad: make one/,
    });
    assert.equal(world.started, 0);
  });
  test("is treated as the user says", () => {
    const found = habits("puma", { pass: "einhorn", stopSignal: "SIGINT" });
    assert.equal(found.pass, "einhorn");
    assert.equal(found.stopSignal, "SIGINT");
    assert.equal(found.added, "");
  });
  test("gets sockets that wait only where it wants them, any other always", () => {
    assert.equal(habits("php-fpm").blocks, true);
    assert.equal(habits("unicorn").blocks, false);
    assert.equal(habits("./own").blocks, true);
    assert.equal(habits("./own", { down: "503" }).blocks, false);
  });
});

test("a program that is one file with its runtime is said to be one, and lets prefork's part in", async () => {
  const told = async (
    executable: "node" | "bun",
    options: Partial<PoolOptions> = {},
  ) => {
    const { world, pool, all } = stage({
      ...{ program: "./own", workers: 1, soak: 0 },
      ...options,
    });
    world.files.set("/here/./own", `ELF ${executable}`);
    const started = pool.start();
    await settle();
    world.advance(0);
    await settle();
    const [process] = world.processes;
    const { env } = process!;
    // Of sockets that it binds itself its own word counts, and nothing else.
    if (options.share === "reuseport") {
      assert.equal(pool.status().ready, 0);
      process!.getReady();
    }
    await started;
    const [said] = all("program");
    await pool.stop({ quick: true });
    const [{ share } = { share: undefined }] = all("listening");
    return {
      share,
      executable: said!.executable,
      sockets: said!.sockets,
      required: /--require "[^"]*"/.exec(env["NODE_OPTIONS"]!)?.[0],
    };
  };
  assert.deepEqual(await told("bun"), {
    share: "balanced",
    executable: "bun",
    sockets: "the pool's, by listen(), with prefork's part in BUN_OPTIONS",
    required: undefined,
  });
  assert.deepEqual(await told("node"), {
    share: "balanced",
    executable: "node",
    sockets: "the pool's, by listen(), with prefork's part in NODE_OPTIONS",
    required: '--require "/lib/preload_require.js"',
  });
  assert.deepEqual(await told("node", { share: "reuseport" }), {
    share: "reuseport",
    executable: "node",
    sockets: "its own, bound by listen(), with prefork's part in NODE_OPTIONS",
    required: '--require "/lib/preload_require.js"',
  });
  // Who says how sockets are passed wants no other way.
  assert.deepEqual(await told("node", { pass: "listen-fds" }), {
    share: "shared",
    executable: "node",
    sockets: "by LISTEN_FDS, or listen({ fd: 3 })",
    required: undefined,
  });
});

describe("the shell before a program", () => {
  test("tells its process id where that counts", () => {
    assert.equal(habits("./own").script, 'LISTEN_PID=$$ exec "$@"');
    assert.equal(habits("unicorn").script, 'LISTEN_PID=$$ exec "$@"');
    assert.equal(habits("nginx").script, "");
  });
  test("makes the first socket its standard input", () => {
    const { script } = habits("./own", { pass: "stdin" });
    assert.equal(script, 'exec <&3 3<&-; exec "$@"');
  });
  test("gives sockets their numbers where the supervisor cannot", () => {
    const { script, places } = habits("unicorn", {}, { fdPlacement: false });
    assert.ok(places);
    assert.match(script, /PREFORK_PLACE.*LISTEN_PID=\$\$ exec "\$@"$/);
  });
  test("is missed where nobody can", () => {
    const none = { fdPlacement: false, bash: false };
    assert.equal(habits("./own", {}, none).script, "");
    assert.throws(() => habits("unicorn", {}, none), {
      code: "ERR_SPAWN",
      message:
        `Cannot pass sockets to "unicorn" by "listen-fds": on node they get other numbers than 3 and up unless there is /bin/bash, install that, or use a supervisor on Node or Bun`,
    });
  });
});

describe("what cannot be asked for", () => {
  const refused = (options: Record<string, unknown>, message: RegExp) =>
    assert.throws(
      () => checkOptions({ program: "./own", ...options } as PoolOptions),
      { message },
    );
  test("names what is wanted", () => {
    refused({ pass: "fd" }, /"fd" for "pass": it must be one of auto, listen-/);
    refused({ stopSignal: "SIGKILL" }, /must be one of .*at the deadline/);
    refused(
      { readyLine: "(", output: "lines" },
      /must be a regular expression/,
    );
    refused({ readyLine: "up" }, /is not read here.*use "lines"/);
    refused({ readyFd: 2 }, /must be a whole number from 3 to 9/);
    refused(
      { readyFd: 4, readyLine: "up", output: "lines" },
      /leave the other/,
    );
    refused({ readyNotify: "yes" }, /"yes" for "readyNotify": it must be true/);
    refused(
      { readyNotify: true, waitReady: true },
      /^Cannot use "readyNotify" with "waitReady": one of them says/,
    );
  });
  test("a signal may lack its SIG", () => {
    const options = { program: "x", stopSignal: "quit" } as unknown;
    assert.equal(checkOptions(options as PoolOptions).stopSignal, "SIGQUIT");
  });
  test("is the number of a socket, to say that it is ready by", async () => {
    const { pool, world } = stage({ program: "./own", readyFd: 3 });
    await assert.rejects(pool.start(), {
      name: "RangeError",
      message:
        'Cannot use 3 for "readyFd": the sockets of "./own" have the numbers up to 3, use 4, or "readyLine"',
    });
    assert.equal(world.bound.size, 0);
  });
  test("is a socket to say it by that there cannot be", async () => {
    const { pool, world } = stage({ program: "./own", readyNotify: true });
    world.notifySockets.problem = "this version of Node has no node:ffi";
    await assert.rejects(pool.start(), {
      code: "ERR_SPAWN",
      message:
        'Cannot use "readyNotify": this version of Node has no node:ffi, use "readyLine" or "readyFd", or a supervisor on Node 26.9 or later, on Deno with --allow-ffi, or on Bun',
    });
    assert.equal(world.bound.size, 0);
  });
  test("is what workers on Node, Deno and Bun do by themselves", async () => {
    const { pool } = stage({ program: "app.js", stopSignal: "SIGQUIT" });
    await assert.rejects(pool.start(), {
      name: "TypeError",
      message: /^Cannot use "stopSignal" for "app.js": .*, leave it out$/,
    });
    const other = stage({ program: "app.js", readyNotify: true });
    await assert.rejects(other.pool.start(), { message: /"readyNotify" for/ });
  });
});

describe("a program is ready", () => {
  const look = (
    sockets: AcceptorsLook["sockets"],
    elsewhere: readonly string[] = [],
  ): AcceptorsLook => ({ sockets, elsewhere });

  /** A pool of one whose worker is seen so. */
  async function seen(
    first: AcceptorsLook | undefined,
    options: Partial<PoolOptions> = {},
  ) {
    const made = stage({
      ...{ program: "./own", workers: 1, soak: 500, startTimeout: 20_000 },
      ...options,
    });
    const { world } = made;
    const show = (what: AcceptorsLook | undefined): void => {
      if (what !== undefined) world.inherited.acceptors.set(1001, what);
    };
    show(first);
    const started = made.pool.start().then(() => "ready", String);
    await settle();
    const ready = (): boolean => made.all("worker-ready").length === 1;
    const warnings = (): string =>
      made.all("warning").map(({ message }) => message).join("\n");
    const pass = async (ms: number): Promise<void> => {
      for (let i = 0; i < ms; i += 100) {
        world.advance(100);
        await settle();
      }
    };
    return { ...made, show, started, ready, warnings, pass };
  }

  test("when it waits for connections, however long that takes", async () => {
    const { show, pass, ready, warnings, pool } = await seen(look(["has"]));
    await pass(5_000);
    assert.equal(ready(), false);
    show(look(["waits"]));
    await pass(300);
    assert.equal(ready(), true);
    assert.equal(warnings(), "");
    void pool.stop({ quick: true });
  });
  test("after the soak where nothing can be seen, which is said", async () => {
    const { pass, ready, warnings, pool } = await seen(undefined);
    await pass(400);
    assert.equal(ready(), false);
    await pass(100);
    assert.equal(ready(), true);
    assert.match(
      warnings(),
      /^it cannot be seen here whether "\.\/own" accepts/,
    );
    void pool.stop({ quick: true });
  });
  test("after ten seconds where it has the socket, which is said", async () => {
    const { pass, ready, warnings, pool } = await seen(look(["has"]));
    await pass(TRUST_MS - 200);
    assert.equal(ready(), false);
    await pass(500);
    assert.equal(ready(), true);
    assert.match(warnings(), /^it is not seen that "\.\/own" waits for conn/);
    void pool.stop({ quick: true });
  });
  test("with one of two sockets after the soak, and the other is named", async () => {
    const listen = ["127.0.0.1:80", "127.0.0.1:81"];
    const { pass, ready, warnings, pool } = await seen(
      look(["waits", "has"]),
      { listen },
    );
    await pass(800);
    assert.equal(ready(), true);
    assert.equal(
      warnings(),
      `"./own" does not wait for connections on 127.0.0.1:81, and is ready without: they reach nobody`,
    );
    void pool.stop({ quick: true });
  });
  test("not while it listens elsewhere, which is said once", async () => {
    const { pass, ready, started, warnings } = await seen(
      look(["has"], ["0.0.0.0:9292"]),
    );
    await pass(19_000);
    assert.equal(ready(), false);
    assert.match(
      warnings(),
      /^"\.\/own" is not ready: .* on 127\.0\.0\.1:8080, it listens on 0\.0\.0\.0:9292: have it use .*$/,
    );
    await pass(2_000);
    assert.match(
      await started,
      /the program has not waited for connections on 127.0.0.1:8080 in 20 s, it listens on 0.0.0.0:9292$/,
    );
  });
  test("never once it has closed the socket", async () => {
    const { pass, started } = await seen(look(["closed"], ["[::]:9292"]));
    await pass(500);
    assert.match(
      await started,
      /Cannot start the program: it has closed the pool's socket, it listens on \[::\]:9292: have it use/,
    );
  });
  test("when it has written the line, and no other", async () => {
    const { world, ready, pool } = await seen(undefined, {
      readyLine: "^listening on \\d+",
      output: "lines",
    });
    const { plan } = world.processes[0]!;
    plan.onLine("stderr", "not listening on 1");
    await settle();
    assert.equal(ready(), false);
    plan.onLine("stdout", "listening on 80");
    await settle();
    assert.equal(ready(), true);
    void pool.stop({ quick: true });
  });
  test("when it has said READY=1 to a socket of its own, and no other", async () => {
    const made = await seen(look(["waits"]), { readyNotify: true });
    const { world, ready, pass, pool } = made;
    const { env } = world.processes[0]!;
    const status = () => pool.status().workers[0]!.statusText;
    const said = world.notifySockets.said.get(env["NOTIFY_SOCKET"]!)!;
    said.push("MAINPID=1\nSTATUS=loads\n  a lot", "NOT READY=1");
    await pass(300);
    // What is seen of it does not count, only what it says.
    assert.equal(ready(), false);
    assert.equal(status(), "loads");
    said.push("STATUS=serves\x07it\nREADY=1");
    await pass(300);
    assert.equal(ready(), true);
    assert.equal(status(), "serves it");
    // It is heard as long as it lives, and need not wait to say more.
    said.push("STATUS=");
    await pass(1_000);
    assert.equal(status(), undefined);
    const stopped = pool.stop({ quick: true });
    await settle();
    await stopped;
    assert.deepEqual([...world.notifySockets.said.keys()], []);
    assert.equal(world.timers, 0);
  });
  describe("by an ACK as Einhorn's children send it", () => {
    const lines = [
      ['{"command":"worker:ack","pid":1}', true],
      ['{ "pid": 1, "command" : "worker:ack" }', true],
      // As the gem writes it.
      ["---%0Acommand: worker:ack%0Apid: 1%0A", true],
      ["---%0Apid: 1%0A'command': \"worker:ack\"", true],
      ['{"command":"worker:ping","pid":1,"request_id":"worker:ack"}', false],
      ['{"command":"worker:acknowledged"}', false],
      ['{"subcommand":"worker:ack"}', false],
      ["worker:ack", false],
      ["", false],
    ] as const;
    for (const [line, counts] of lines) {
      test(`${counts ? "" : "not "}${line}`, async () => {
        const made = await seen(look(["has"]), { pass: "einhorn" });
        const { world, ready, pool } = made;
        const { env } = world.processes[0]!;
        world.notifySockets.lines.get(env["EINHORN_SOCK_PATH"]!)!.onLine(line);
        await settle();
        assert.equal(ready(), counts);
        const stopped = pool.stop({ quick: true });
        await settle();
        await stopped;
        assert.deepEqual([...world.notifySockets.lines.keys()], []);
      });
    }
    test("or when it is seen to wait, unless its word alone counts", async () => {
      for (const readyNotify of [false, true]) {
        const options = { pass: "einhorn", readyNotify } as const;
        const made = await seen(look(["waits"]), options);
        const { world, ready, pass, pool } = made;
        await pass(300);
        assert.equal(ready(), !readyNotify);
        const { env } = world.processes[0]!;
        const path = env["EINHORN_SOCK_PATH"]!;
        world.notifySockets.lines.get(path)!.onLine('{"command":"worker:ack"}');
        await settle();
        assert.equal(ready(), true);
        void pool.stop({ quick: true });
      }
    });
    test("which is no word where another one is asked for", async () => {
      const options = {
        ...{ pass: "einhorn", readyLine: "^up$", output: "lines" } as const,
      };
      const { world, ready, pool } = await seen(undefined, options);
      const [socket] = world.notifySockets.lines.values();
      socket!.onLine('{"command":"worker:ack"}');
      await settle();
      assert.equal(ready(), false);
      void pool.stop({ quick: true });
    });
    test("for which there can be no socket", async () => {
      const { pool, world } = stage({ program: "./own", pass: "einhorn" });
      world.notifySockets.problem = "the disk is full";
      await assert.rejects(pool.start(), {
        code: "ERR_SPAWN",
        message:
          'Cannot use "einhorn" for "pass": the disk is full, its programs find no command socket then, mend that or pass sockets in another way',
      });
    });
  });
  test("never without a word to its socket, which the error says", async () => {
    const { pass, started, world } = await seen(look(["waits"]), {
      readyNotify: true,
    });
    await pass(20_100);
    assert.match(
      await started,
      /the program has not said READY=1 to NOTIFY_SOCKET in 20 s$/,
    );
    assert.deepEqual([...world.notifySockets.said.keys()], []);
  });
  test("when it has written to the descriptor, which is no noise", async () => {
    const made = await seen(undefined, { readyFd: 4 });
    const { plan } = made.world.processes[0]!;
    plan.onNoise('a line is no JSON: ""');
    await settle();
    assert.equal(made.ready(), true);
    plan.onMessage(1);
    await settle();
    assert.deepEqual(made.all("worker-noise"), []);
    assert.deepEqual(made.all("worker-message"), []);
    void made.pool.stop({ quick: true });
  });
});

test("a program is asked to leave by its signal, and what it leaves has time", async () => {
  const made = stage({ program: "unicorn", workers: 1, soak: 0 });
  const started = made.pool.start();
  await settle();
  made.world.advance(0);
  await started;
  const [first] = made.world.processes;
  const stopped = made.pool.stop();
  await settle();
  first!.plan.onLeft?.();
  await settle();
  assert.deepEqual(first!.signals, ["SIGQUIT"]);
  first!.exit();
  await stopped;
});

test("what a program leaves that ends by itself is killed", async () => {
  const made = stage({ program: "unicorn", workers: 1, soak: 0 });
  const started = made.pool.start();
  await settle();
  made.world.advance(0);
  await started;
  const [first] = made.world.processes;
  first!.plan.onLeft?.();
  await settle();
  assert.deepEqual(first!.signals, ["SIGKILL"]);
  await made.pool.stop({ quick: true });
});
