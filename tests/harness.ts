/**
 * One test API for the three runners: vitest on Node, `deno test` and
 * `bun test`. A test file imports from here and from `node:assert/strict` and
 * runs unchanged under each of them; its supervisor runs on the runner's own
 * runtime, so that the three runs together cover the three runtimes.
 *
 * A skip has to say why, and the reason becomes part of the test's name, where
 * every reporter shows it and the gate (`scripts/test.ts`) collects it.
 */

import process from "node:process";
import { onBun } from "./harness_bun.ts";
import { onDeno } from "./harness_deno.ts";
import { onVitest } from "./harness_vitest.ts";
import { patience } from "./pace.ts";

/** What a test or a hook is made of. */
export type Body = () => void | Promise<void>;

/** What can be said about a test. */
export interface TestOptions {
  /** Milliseconds until the test has failed; 60,000 unless given. */
  readonly timeout?: number | undefined;
  /** Why the test cannot run here, as a declared capability; else falsy. */
  readonly skip?: string | false | undefined;
}

/** Declares a test. */
export interface Test {
  (name: string, body: Body): void;
  (name: string, options: TestOptions, body: Body): void;
}

/** Declares something that runs before or after tests of its suite. */
export type Hook = (body: Body) => void;

/** What a runner has to offer. */
export interface Api {
  /** Declares a test. */
  test(name: string, timeout: number, body: Body): void;
  /** Declares a test that does not run. */
  skip(name: string, body: Body): void;
  /** Opens a suite: what `define` declares belongs to it. */
  describe(name: string, define: () => void): void;
  /** Runs once before the first test of the suite. */
  readonly beforeAll: Hook;
  /** Runs once after the last test of the suite. */
  readonly afterAll: Hook;
  /** Runs before every test of the suite. */
  readonly beforeEach: Hook;
  /** Runs after every test of the suite, also after one that failed. */
  readonly afterEach: Hook;
}

/** The runners. */
export type Runner = "vitest" | "deno" | "bun";

/** The runner that is running. */
export const runner: Runner = process.env["VITEST"] !== undefined
  ? "vitest"
  : "Deno" in globalThis
  ? "deno"
  : "bun";

/**
 * Milliseconds that a test or a hook may take unless it says otherwise; more
 * on a slow machine, like what it says.
 */
export const TIMEOUT = 60_000;

/** Stands between the name of a skipped test and the reason. */
export const SKIPPED = " # skipped: ";

const api: Api = await { vitest: onVitest, deno: onDeno, bun: onBun }[runner](
  patience(TIMEOUT),
);

/** Declares a test. */
export const test: Test = (
  name: string,
  ...rest: readonly [Body] | readonly [TestOptions, Body]
): void => {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
  const { skip, timeout = TIMEOUT } = options;
  if (typeof skip === "string") api.skip(name + SKIPPED + skip, body);
  else api.test(name, patience(timeout), body);
};

/** Opens a suite. */
export const describe: Api["describe"] = api.describe;
/** Runs once before the first test of the suite. */
export const beforeAll: Hook = api.beforeAll;
/** Runs once after the last test of the suite. */
export const afterAll: Hook = api.afterAll;
/** Runs before every test of the suite. */
export const beforeEach: Hook = api.beforeEach;
/** Runs after every test of the suite. */
export const afterEach: Hook = api.afterEach;
