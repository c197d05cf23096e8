import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { Adapter, RuntimeName } from "../../core/adapter.ts";
import type { Host } from "../../core/host.ts";
import {
  denoArguments,
  preloadFor,
  preloadVariables,
  runtimeArguments,
  type RuntimePlan,
} from "../../core/launch/runtime_command.ts";
import { describe, test } from "../harness.ts";

function adapter(more: Partial<Adapter> = {}, host: Partial<Host> = {}) {
  const made = new MemoryWorld().adapter;
  return { ...made, ...more, host: { ...made.host, ...host } } as Adapter;
}

const line = (plan: Partial<RuntimePlan>, on = adapter()): string =>
  runtimeArguments({
    runtime: "node",
    program: "app.js",
    runtimeArgs: [],
    reusePort: false,
    ...plan,
  }, on).join(" ");

describe("the user's arguments for the runtime", () => {
  const runtimeArgs = ["--inspect=0", "--smol"];
  test("come after ours, so that they win", () => {
    for (const runtime of ["node", "deno", "bun"] as const) {
      assert.match(
        line({ runtime, runtimeArgs }),
        /\.js .*--inspect=0 --smol$/,
      );
    }
  });
  for (
    const permission of [
      "-A",
      "--allow-all",
      "--allow-net=:80",
      "--deny-run",
      "-P",
      "-P=web",
      "--permission-set",
      "-RW",
      "-N",
      "--ignore-env",
    ]
  ) {
    test(`"${permission}" replaces the permissions of Deno`, () => {
      const runtimeArgs = [permission];
      assert.equal(
        line({ runtime: "deno", runtimeArgs }),
        `run --preload /lib/preload.js ${permission}`,
      );
    });
  }
  for (const other of ["--unstable-kv", "--inspect", "--no-prompt", "-q"]) {
    test(`"${other}" does not`, () => {
      assert.match(
        line({ runtime: "deno", runtimeArgs: [other] }),
        new RegExp(` -A ${other}$`),
      );
    });
  }
  test("Deno workers that bind themselves get reusePort", () => {
    assert.match(
      line({ runtime: "deno", reusePort: true }),
      / --unstable-net$/,
    );
    assert.doesNotMatch(line({ runtime: "bun", reusePort: true }), /unstable/);
  });
});

describe("TypeScript on Node", () => {
  const flag = "--experimental-strip-types";
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["22.12.0", "app.ts", true],
    ["22.17.9", "a.mts", true],
    ["22.18.0", "app.ts", false],
    ["22.12.0", "app.js", false],
    ["23.5.0", "a.cts", true],
    ["23.6.0", "app.ts", false],
    ["26.10.0", "app.ts", false],
  ];
  for (const [version, program, needed] of rows) {
    test(`${version} runs ${program} ${needed ? "behind a" : "without a"} flag`, () => {
      const words = line({ program }, adapter({ version })).split(" ");
      assert.equal(words.includes(flag), needed);
    });
  }
  test("of a Node that is not the supervisor's own nothing is known", () => {
    const on = adapter({ runtime: "deno", version: "22.12.0" });
    assert.doesNotMatch(line({ program: "a.ts" }, on), /strip/);
  });
});

describe("where our part is", () => {
  const at = (runtime: RuntimeName, preload: string): string | undefined =>
    preloadFor(runtime, adapter({}, { preload }));
  test("Node takes it as a URL, in which a path's characters mean themselves", () => {
    const path = "/a b/c#d%/é.js";
    const url = at("node", path)!;
    assert.equal(url, "file:///a%20b/c%23d%25/%C3%A9.js");
    assert.equal(decodeURIComponent(url), `file://${path}`);
    assert.equal(at("deno", path), path);
    assert.equal(at("bun", path), path);
  });
  test("only Deno loads it from elsewhere", () => {
    const url = "https://jsr.example/preload.ts";
    assert.equal(at("deno", url), url);
    assert.equal(at("node", url), undefined);
    assert.equal(at("bun", url), undefined);
    const on = adapter({}, { preload: url });
    assert.equal(line({ runtime: "bun" }, on), "");
    assert.equal(line({}, on), "--enable-source-maps");
    assert.deepEqual(preloadVariables(on, { NODE_OPTIONS: "-x" }), {});
  });
});

describe("variables for what a command starts", () => {
  test("are added to what is there", () => {
    const env = { NODE_OPTIONS: "--max-old-space-size=99", BUN_OPTIONS: "" };
    assert.deepEqual(preloadVariables(adapter(), env), {
      NODE_OPTIONS:
        "--max-old-space-size=99 --import file:///lib/preload.js --enable-source-maps",
      BUN_OPTIONS: "--preload=/lib/preload.js",
    });
  });
  test("hold one word for a path with spaces", () => {
    const on = adapter({}, { preload: "/a b/p.js" });
    const { NODE_OPTIONS, BUN_OPTIONS } = preloadVariables(on, {});
    assert.match(NODE_OPTIONS!, /^--import file:\/\/\/a%20b\/p\.js /);
    assert.equal(BUN_OPTIONS, "--preload /a\\ b/p.js");
  });
  test("have a single executable of Node require what stands beside it", () => {
    const on = adapter({}, { preload: '/a "b"/preload.js' });
    assert.equal(
      preloadVariables(on, { NODE_OPTIONS: "-x" }, true)["NODE_OPTIONS"],
      String.raw`-x --require "/a \"b\"/preload_require.js"`,
    );
  });
});

describe("Deno as a command", () => {
  const of = (program: string, ...args: string[]): readonly string[] =>
    denoArguments(program, args, adapter());
  test("gets our part in front of the program", () => {
    assert.deepEqual(of("/x/deno", "run", "-A", "a.ts"), [
      ...["run", "--preload", "/lib/preload.js", "-A", "a.ts"],
    ]);
  });
  test("runs tasks as they are, and other programs too", () => {
    assert.deepEqual(of("deno", "task", "start"), ["task", "start"]);
    assert.deepEqual(of("denote", "run", "a"), ["run", "a"]);
  });
  test("cannot serve", () => {
    assert.throws(() => of("deno", "serve", "a.ts"), {
      code: "ERR_BOOT",
      message:
        'Cannot start "deno serve": it opens a port of its own, start the file itself as in "prefork -r deno FILE"',
    });
  });
});
