/**
 * A test of a worker, with a supervisor of its own.
 *
 * @module
 */
import { test } from "../harness.ts";
import { ownRuntime, type Runtime } from "../runtimes.ts";
import { type FakeSupervisor, startSupervisor } from "./fake_supervisor.ts";

/**
 * Defines a test for a worker on the runner's own runtime, so that the three
 * runs cover the three runtimes. Any supervisor with any worker is what
 * `tests/pool/pairs.test.ts` is for.
 */
export function testWorker(
  name: string,
  run: (runtime: Runtime, supervisor: FakeSupervisor) => Promise<void>,
): void {
  test(name, async () => {
    const supervisor = startSupervisor();
    try {
      await run(ownRuntime, supervisor);
    } finally {
      await supervisor[Symbol.asyncDispose]();
    }
  });
}
