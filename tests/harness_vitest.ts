import type { Api, Body } from "./harness.ts";

/** What is used of vitest. */
interface Vitest {
  readonly test:
    & ((name: string, body: Body, timeout: number) => void)
    & { skip(name: string, body: Body): void };
  describe(name: string, define: () => void): void;
  beforeAll(body: Body, timeout: number): void;
  afterAll(body: Body, timeout: number): void;
  beforeEach(body: Body, timeout: number): void;
  afterEach(body: Body, timeout: number): void;
}

/** The harness on vitest. */
export async function onVitest(hookTimeout: number): Promise<Api> {
  // In a variable, so that no other runner's graph builder follows it.
  const specifier: string = "vitest";
  const vitest: Vitest = await import(/* @vite-ignore */ specifier);
  return {
    test: (name, timeout, body) => vitest.test(name, body, timeout),
    skip: (name, body) => vitest.test.skip(name, body),
    describe: (name, define) => vitest.describe(name, define),
    beforeAll: (body) => vitest.beforeAll(body, hookTimeout),
    afterAll: (body) => vitest.afterAll(body, hookTimeout),
    beforeEach: (body) => vitest.beforeEach(body, hookTimeout),
    afterEach: (body) => vitest.afterEach(body, hookTimeout),
  };
}
