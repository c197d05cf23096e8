/**
 * Programs that know nothing of prefork, reloaded under load from a client that
 * never retries.
 */
import assert from "node:assert/strict";
import { fixture, IDLE_GRACE, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import type { Runtime } from "../runtimes.ts";
import { load } from "../strict_client.ts";

/** What runs which program, and on which server that ends up. */
const PROGRAMS: readonly (readonly [Runtime, string])[] = [
  ["node", "plain/http.mjs"],
  ["bun", "plain/http.mjs"],
  ["bun", "plain/bun_serve.js"],
  ["deno", "plain/http.mjs"],
  ["deno", "plain/deno_serve.ts"],
];

describe("an unmodified program", () => {
  for (const [runtime, program] of PROGRAMS) {
    test(`${program} on ${runtime}: two SIGHUPs under load lose and cut nothing`, async () => {
      await using command = prefork([
        "-w",
        "2",
        ...LOCAL,
        "--runtime",
        runtime,
        "--soak",
        "0",
        ...IDLE_GRACE,
        fixture(program),
      ]);
      const { listen, runtime: ran } = await ready(command);
      assert.equal(ran, runtime);
      await using running = await load([
        { kind: "connect", address: listen!, loops: 4 },
        { kind: "keepalive", address: listen!, loops: 6 },
        { kind: "half", address: listen!, loops: 2 },
        // The native servers do not know how.
        ...program === "plain/http.mjs"
          ? [{ kind: "pipeline", address: listen!, loops: 2 } as const]
          : [],
      ]);
      for (const generation of [2, 3]) {
        command.signal("SIGHUP");
        await command.line(
          new RegExp(`^prefork reload-finished generation=${generation} `),
        );
      }
      const report = await running.stop();
      assert.deepEqual(report.failed, []);
      assert.deepEqual(report.cut, []);
      assert.ok(report.done.connect! > 50 && report.done.keepalive! > 50);
      // Three generations of two, of which the busiest three at least.
      assert.ok(Object.keys(report.bodies).length >= 3);
      command.signal("SIGTERM");
      assert.deepEqual(await command.ended, { code: 0, signal: null });
    });
  }
});
