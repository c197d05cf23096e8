/** A worker that writes without end, and everybody else. */

import assert from "node:assert/strict";
import process from "node:process";
import type { Adapter } from "../core/adapter.ts";
import { start } from "./conformance_tools.ts";
import { test } from "./harness.ts";

/** So much is read before it is judged; it comes in a second. */
const ENOUGH = 600_000;

/**
 * The most that may come between two turns of a timer: what is read in a few
 * milliseconds, on a fast machine.
 */
const AT_ONCE = 200_000;

/** Adds the tests. */
export function addTurnTests(adapter: Adapter): void {
  for (
    const [what, where] of [
      ["channel", "$NODE_CHANNEL_FD"],
      ["stdout", "1"],
    ] as const
  ) {
    test(
      `a worker that writes to its ${what} without end leaves time for timers and other workers`,
      {
        skip: adapter.capabilities.receives || what === "stdout"
          ? false
          : "the runtime itself reads this channel",
      },
      async () => {
        let got = 0;
        let seen = 0;
        let most = 0;
        const count = (): void => void got++;
        const flooder = adapter.spawn({
          command: ["bash", "-c", `eval "exec yes 1 >&${where}"`],
          runtime: "exec",
          inherits: [],
          output: "lines",
          env: () => ({ PATH: process.env["PATH"] ?? "" }),
          onLine: count,
          onMessage: count,
          onNoise: count,
          onConnection: (_, connection) => connection.close(),
          onExit: () => resolve(),
        });
        const { promise: gone, resolve } = Promise.withResolvers<void>();
        const timer = setInterval(() => {
          most = Math.max(most, got - seen);
          seen = got;
        }, 1);
        const waitWhile = async (condition: () => boolean): Promise<void> => {
          while (condition()) await new Promise((next) => setTimeout(next, 1));
        };
        await waitWhile(() => got === 0);
        // Another one comes and goes meanwhile.
        await start(adapter, ["true"]).exit;
        await waitWhile(() => got < ENOUGH);
        flooder.kill("SIGKILL");
        await gone;
        clearInterval(timer);
        assert.ok(most < AT_ONCE, `${most} of ${got} at once`);
      },
    );
  }
}
