/**
 * One test per worker runtime, each with a supervisor of its own.
 *
 * @module
 */
import { test } from "../harness.ts";
import { type Runtime, RUNTIMES } from "../runtimes.ts";
import { type FakeSupervisor, startSupervisor } from "./fake_supervisor.ts";

/** Defines a test for a worker on each runtime. */
export function testEach(
  name: string,
  run: (runtime: Runtime, supervisor: FakeSupervisor) => Promise<void>,
  runtimes: readonly Runtime[] = RUNTIMES,
): void {
  for (const runtime of runtimes) {
    test(`${name} (${runtime})`, async () => {
      const supervisor = startSupervisor();
      try {
        await run(runtime, supervisor);
      } finally {
        await supervisor[Symbol.asyncDispose]();
      }
    });
  }
}
