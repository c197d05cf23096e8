import process from "node:process";
import type { Api, Body } from "./harness.ts";

/** What is used of `bun:test`. */
interface BunTest {
  readonly test:
    & ((name: string, body: Body, timeout: number) => void)
    & { skip(name: string, body: Body): void };
  describe(name: string, define: () => void): void;
  beforeAll(body: Body, timeout: number): void;
  afterAll(body: Body, timeout: number): void;
  beforeEach(body: Body, timeout: number): void;
  afterEach(body: Body, timeout: number): void;
}

/** The harness on `bun test`. */
export async function onBun(hookTimeout: number): Promise<Api> {
  // In a variable, so that no other runner's graph builder follows it.
  const specifier: string = "bun:test";
  const bun: BunTest = await import(/* @vite-ignore */ specifier);
  // Bun 1.4 ends green when a test calls process.exit(0); this ends it red.
  process.exit = (code) => {
    throw new Error(`Cannot end a test with process.exit(${code ?? ""})`);
  };
  return {
    test: (name, timeout, body) => bun.test(name, body, timeout),
    skip: (name, body) => bun.test.skip(name, body),
    describe: (name, define) => bun.describe(name, define),
    beforeAll: (body) => bun.beforeAll(body, hookTimeout),
    afterAll: (body) => bun.afterAll(body, hookTimeout),
    beforeEach: (body) => bun.beforeEach(body, hookTimeout),
    afterEach: (body) => bun.afterEach(body, hookTimeout),
  };
}
