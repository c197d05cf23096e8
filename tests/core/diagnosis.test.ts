import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import {
  diagnoseExit,
  diagnoseSilence,
  errorIn,
  noteError,
} from "../../core/supervise/diagnosis.ts";
import { parseListener } from "../../core/options/address.ts";
import { startsJavaScript } from "../../core/launch/program.ts";
import { customaryVariables } from "../../core/launch/launch.ts";
import type { WorkerRuntime } from "../../core/options/options.ts";
import type { ExitReason } from "../../core/supervise/state.ts";
import { PoolWorker } from "../../core/worker.ts";
import { describe, test } from "../harness.ts";

describe("why a worker is not ready", () => {
  const say = (
    attached: boolean,
    runtime: WorkerRuntime = "node",
    listen = [":80"],
    waitReady = false,
    learns = false,
  ): string =>
    diagnoseSilence({ attached, runtime }, {
      startTimeout: 60_000,
      waitReady,
      listeners: listen.map(parseListener),
      learns,
    });
  test("it has not listened", () => {
    assert.equal(say(true), "the program has not called listen() in 60 s");
    assert.equal(
      say(true, "exec", [":1", ":2"]),
      "the program has not called listen() for each of the 2 listeners in 60 s",
    );
  });
  test("it has listened on something else", () => {
    assert.equal(
      diagnoseSilence(
        { attached: true, runtime: "bun", opened: new Map([["unix:/x", 1]]) },
        {
          startTimeout: 1000,
          waitReady: false,
          learns: false,
          listeners: [parseListener(":80")],
        },
      ),
      'the program listens on unix:/x, and has not called listen() for what the pool has, :80, in 1 s: give the program\'s own address to "-l"',
    );
  });
  test("it has not said so", () => {
    assert.equal(
      say(true, "bun", [":1"], true),
      'the program has not said process.send("ready") in 60 s',
    );
  });
  test("it has nothing to listen on, or did not even attach", () => {
    const text = "the program was not ready in 60 s";
    assert.equal(say(true, "node", []), text);
    assert.equal(say(false), text);
    assert.match(say(false, "exec"), /has not loaded prefork's part in 60 s/);
  });
});

describe("how a worker ended", () => {
  const say = (
    code: number,
    runtime: WorkerRuntime,
    attached = false,
  ): string =>
    diagnoseExit({ code, signal: null }, "boot-failed", { runtime, attached });
  test("with the flag that its runtime may not know", () => {
    assert.equal(
      say(9, "node"),
      'it exited with code 9 before it was ready; if node refuses "--import" above, install a version that has it',
    );
    assert.match(say(1, "deno"), /if deno refuses "--preload" above/);
    assert.match(say(1, "bun"), /if bun refuses "--preload" above/);
  });
  test("the program's own error is told instead", () => {
    const told = (lastError: string, runtime: WorkerRuntime) =>
      diagnoseExit({ code: 1, signal: null }, "boot-failed", {
        runtime,
        attached: false,
        lastError,
      });
    assert.equal(
      told("error: no database", "deno"),
      "it exited with code 1 before it was ready: error: no database",
    );
    assert.match(
      told("error: unexpected argument '--preload' found", "deno"),
      /found; if deno refuses "--preload" above/,
    );
    assert.match(
      told("error: Module not found '/srv/a?b.mjs'", "bun"),
      /Bun finds no file with a "\?" in its path .*, rename it$/,
    );
  });
  test("one that names none is taken at its last word, unless it was ready", () => {
    const worker = new PoolWorker(0, 1, "node", 0, new Set());
    for (
      const line of [
        "starting",
        "\x1b[31mcannot reach the database\x1b[0m",
        "    at connect (app.js:1:2)",
        "(Use `node --trace-uncaught ...` to show where it was thrown)",
        "",
        "Node.js v26.10.0",
        "}",
      ]
    ) noteError(worker, line, 0);
    const end = (code: number, reason: ExitReason): string =>
      diagnoseExit({ code, signal: null }, reason, worker);
    assert.equal(
      end(1, "boot-failed"),
      "it exited with code 1 before it was ready: cannot reach the database",
    );
    assert.equal(
      end(1, "crashed"),
      "it exited with code 1 right after it was ready",
    );
    assert.equal(
      end(0, "boot-failed"),
      "it exited with code 0 before it was ready",
    );
    noteError(worker, "UnhandledPromiseRejection: no disk", 0);
    noteError(worker, "bye", 0);
    assert.match(
      end(1, "boot-failed"),
      /: UnhandledPromiseRejection: no disk$/,
    );
  });
  test("with the runtime that alone has what the program asks for", () => {
    const rows: readonly (readonly [WorkerRuntime, string, string?])[] = [
      ["node", "ReferenceError: Bun is not defined", "bun"],
      ["exec", "ReferenceError: Bun is not defined", "bun"],
      ["deno", "error: Uncaught ReferenceError: Bun is not defined", "bun"],
      ["node", "Error [X]: .. loader. Received protocol 'bun:'", "bun"],
      ["node", "Error [X]: Cannot find package 'bun' imported from", "bun"],
      ["deno", 'error: Unsupported scheme "bun" for module "bun:a".', "bun"],
      ["deno", 'error: Import "bun" not a dependency', "bun"],
      ["node", "ReferenceError: Deno is not defined", "deno"],
      ["node", "Error [X]: .. loader. Received protocol 'jsr:'", "deno"],
      ["bun", "error: Cannot find module 'jsr:@std/assert' from 'x'", "deno"],
      ["bun", 'error: ENOENT reading "https://x/y.ts"', "deno"],
      ["bun", "ReferenceError: Bun is not defined"],
      ["node", "Error [X]: Cannot find package 'bundle' imported from"],
    ];
    for (const [runtime, lastError, needed] of rows) {
      const said = diagnoseExit({ code: 1, signal: null }, "boot-failed", {
        ...{ runtime, attached: true, lastError },
      });
      const [, hint] = /; only (\w+) has that, run the program by "-r \1"$/
        .exec(said) ?? [];
      assert.equal(hint, needed, said);
    }
  });
  test("of the socket, where a program opens the pool's address itself", () => {
    const own = (lastError: string, attached = false) =>
      diagnoseExit({ code: 1, signal: null }, "boot-failed", {
        ...{ runtime: "exec", attached, lastError },
      });
    for (
      const error of [
        "Error: listen EADDRINUSE: address already in use 127.0.0.1:80",
        "OSError: [Errno 98] Address already in use",
      ]
    ) {
      assert.match(own(error), /; it opens an address by itself that the pool/);
      assert.doesNotMatch(own(error, true), /by itself/);
    }
    assert.doesNotMatch(own("Error: no disk"), /by itself/);
  });
  test("without, where it has loaded our part or none is loaded", () => {
    const plain = /before it was ready$/;
    assert.match(say(1, "node"), plain);
    assert.match(say(1, "deno", true), plain);
    assert.match(say(1, "exec"), plain);
  });
});

describe("a line of stderr that names an error", () => {
  const yes = [
    "SyntaxError: Unexpected token",
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x'",
    "Uncaught Error: no database",
    "error: Uncaught (in promise) Error: no database",
    "java.lang.NullPointerException: x",
    "panic: no database",
  ];
  const no = [
    "",
    "    at error: here",
    "error:",
    "Node.js v26.10.0",
    "I had an Error: once",
    "  [cause]: Error: why",
  ];
  for (const line of yes) {
    test(line, () => assert.equal(errorIn(line), line));
  }
  for (const line of no) {
    test(`not ${JSON.stringify(line)}`, () =>
      assert.equal(errorIn(line), undefined));
  }
  test("is told without colours and not at any length", () => {
    assert.equal(
      errorIn("\x1b[0m\x1b[1m\x1b[31merror\x1b[0m: no"),
      "error: no",
    );
    assert.equal(errorIn(`Error: ${"x".repeat(1e6)}`)!.length, 300);
  });
});

describe("commands that start JavaScript", () => {
  const { adapter } = new MemoryWorld();
  const yes = [
    "npm start",
    "/usr/bin/node x.js",
    "bun run start",
    "deno task start",
    "env A=1 node x.js",
    "nice -n 5 /opt/bin/bun x.ts",
    "dotenv -- npm start",
  ];
  const no = ["ruby app.rb", "sh start.sh", "env A=1 ruby x.rb", "./node.sh"];
  for (const [lines, expected] of [[yes, true], [no, false]] as const) {
    for (const line of lines) {
      test(`${line}: ${expected}`, () => {
        const [program, ...args] = line.split(" ");
        assert.equal(
          startsJavaScript({ program: program!, args }, adapter),
          expected,
        );
      });
    }
  }
});

describe("variables by habit", () => {
  const of = (...addresses: string[]): Record<string, string> =>
    customaryVariables({ slot: 3 }, addresses.map((address) => ({ address })));
  test("the port of the first TCP listener, and the slot", () => {
    assert.deepEqual(of("unix:/a", "127.0.0.1:81", ":82"), {
      PORT: "81",
      NODE_APP_INSTANCE: "3",
    });
  });
  test("the slot by another name", () => {
    assert.deepEqual(customaryVariables({ slot: 3 }, [], "ID"), { ID: "3" });
  });
  test("no port where there is none", () => {
    assert.deepEqual(of("unix:@a"), { NODE_APP_INSTANCE: "3" });
  });
});
