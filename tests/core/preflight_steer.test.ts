import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { Adapter } from "../../core/adapter.ts";
import { checkOptions } from "../../core/options/check.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { runtimePattern } from "../../core/launch/program.ts";
import { steersHere } from "../../core/preflight_steer.ts";
import { describe, test } from "../harness.ts";

interface Question extends Partial<PoolOptions> {
  /** The supervisor. */
  readonly on?: Partial<Pick<Adapter, "runtime" | "version">>;
  readonly platform?: string;
  readonly slots?: number;
  /** Why the kernel refuses. */
  readonly problem?: string;
  /** False where no queue can be looked at. */
  readonly asks?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
}

function ask(question: Question): {
  answer: ReturnType<typeof steersHere>;
  done: readonly string[];
} {
  const {
    on,
    platform = "linux",
    slots = 8,
    problem,
    asks = true,
    variables,
    ...options
  } = question;
  const world = new MemoryWorld();
  world.steered.problem = problem;
  const { host } = world.adapter;
  const adapter: Adapter = {
    ...world.adapter,
    runtime: "node",
    version: "26.9.0",
    ...on,
    host: {
      ...host,
      platform,
      env: { ...host.env, ...variables },
      asksQuickly: () => asks,
    },
  };
  const config = checkOptions({ program: "app.js", ...options });
  const answer = steersHere({
    config,
    specs: config.listeners,
    slots,
    runtimeOf: runtimePattern(config, adapter),
  }, adapter);
  return { answer, done: world.steered.done };
}

describe("whether the kernel is to pick", () => {
  test("it is where all can, and what was loaded to know is closed", () => {
    assert.deepEqual(ask({}), { answer: true, done: ["close"] });
    assert.equal(ask({ share: "balanced", steer: "ebpf" }).answer, true);
    assert.equal(ask({ weights: [1, 2] }).answer, true);
    const some = { share: "handoff", listen: [":1", ":2?share=auto"] } as const;
    assert.equal(ask(some).answer, true);
    assert.equal(ask({ runtime: { bun: 1, deno: 1, node: 1 } }).answer, true);
  });

  test("it is not asked where that is not wanted, or not to be expected", () => {
    const others: readonly Question[] = [
      { steer: "off" },
      { platform: "darwin" },
      { share: "shared" },
      { share: "sharded" },
      { listen: "unix:/a" },
      { listen: "udp://:53" },
      { runtime: "exec" },
    ];
    for (const question of others) {
      assert.deepEqual(ask(question), { answer: undefined, done: [] });
    }
  });

  const reasons: readonly (readonly [Question, RegExp])[] = [
    [{ problem: "it lacks CAP_BPF" }, /^it lacks CAP_BPF$/],
    [{ on: { version: "26.8.1" } }, /^Node 26\.9 or later is needed$/],
    [
      { on: { runtime: "bun", version: "1.4.4" }, runtime: "node" },
      /^workers need Node 26\.9 or later, which a supervisor on Node alone knows$/,
    ],
    [
      { runtime: { bun: 9, deno: 1 }, slots: 10, runtimeArgs: ["--allow-net"] },
      /^workers on Deno need --allow-ffi$/,
    ],
    [{ runtimeArgs: ["--permission"] }, /^workers on Node need --allow-ffi$/],
    [
      { env: { NODE_OPTIONS: "--permission --allow-net" } },
      /^workers on Node need --allow-ffi$/,
    ],
    [
      { variables: { NODE_OPTIONS: "--permission" } },
      /^workers on Node need --allow-ffi$/,
    ],
    [{ slots: 257 }, /^257 slots are more than get a socket each unasked$/],
    [{ slots: 129, listen: [":1", ":2"] }, /^129 slots are more/],
    [{ stuckAfter: 0 }, /^nobody helps who is held up \("stuckAfter" is 0\)$/],
    [{ fdStore: true }, /^the sockets outlive this process/],
    [{ variables: { FDSTORE: "64" } }, /^the sockets outlive this process/],
    [{ asks: false }, /^the queues cannot be looked at$/],
  ];
  for (const [question, reason] of reasons) {
    test(`it is not, and says why: ${JSON.stringify(question)}`, () => {
      const { answer } = ask(question);
      assert.equal(typeof answer, "string");
      assert.match(String(answer), reason);
    });
  }

  test("what only looks like a hindrance is none", () => {
    for (
      const question of [
        { runtime: "bun", on: { runtime: "deno", version: "2.9.5" } },
        { runtime: "deno", runtimeArgs: ["--allow-net", "--allow-ffi"] },
        { runtime: "deno", runtimeArgs: ["-A"] },
        { runtimeArgs: ["--permission", "--allow-ffi"] },
        // What the program is given is its own.
        { args: ["--permission"] },
        { slots: 256 },
        { slots: 129, listen: [":1", ":2?share=shared", "unix:/a"] },
        { fdStore: false, variables: { FDSTORE: "64" } },
      ] satisfies Question[]
    ) assert.equal(ask(question).answer, true, JSON.stringify(question));
  });
});
