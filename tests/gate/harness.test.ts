import assert from "node:assert/strict";
import process from "node:process";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  runner,
  test,
} from "../harness.ts";
import { binary, cleanEnv, ownRuntime, RUNTIMES } from "../runtimes.ts";

const log: string[] = [];

describe("outer", () => {
  beforeAll(() => void log.push("outer first"));
  beforeEach(() => void log.push("outer before"));
  afterEach(() => void log.push("outer after"));
  afterAll(() => void log.push("outer last"));

  test("one", () => void log.push("one"));
  describe("inner", () => {
    beforeAll(async () => {
      await Promise.resolve();
      log.push("inner first");
    });
    beforeEach(() => void log.push("inner before"));
    afterEach(() => void log.push("inner after"));
    afterAll(() => void log.push("inner last"));

    test("two", () => void log.push("two"));
    test("three", { skip: false, timeout: 1000 }, () => void log.push("three"));
  });
  test("four", () => void log.push("four"));
});

test("hooks run around their tests, the outer around the inner", () => {
  assert.deepEqual(log, [
    "outer first",
    ...["outer before", "one", "outer after"],
    "inner first",
    ...["outer before", "inner before", "two", "inner after", "outer after"],
    ...["outer before", "inner before", "three", "inner after", "outer after"],
    "inner last",
    ...["outer before", "four", "outer after"],
    "outer last",
  ]);
});

test("each runner tests its own runtime", () => {
  const tested = { vitest: "node", deno: "deno", bun: "bun" }[runner];
  assert.equal(ownRuntime, tested);
});

test("there is an executable of each runtime", () => {
  for (const runtime of RUNTIMES) assert.match(binary(runtime), /^\//);
});

test("a clean environment has nothing of the runner in it", () => {
  const names = Object.keys(cleanEnv());
  const left = names.filter((name) =>
    /^(VITEST|NODE_(ENV|OPTIONS)$|NODE_CHANNEL_|npm_|PREFORK_)/.test(name)
  );
  assert.deepEqual(left, []);
  assert.equal(cleanEnv()["PATH"], process.env["PATH"]);
  assert.equal(cleanEnv({ PREFORK_SLOT: "1" })["PREFORK_SLOT"], "1");
  assert.ok(!Object.hasOwn(cleanEnv({ PATH: undefined }), "PATH"));
});
