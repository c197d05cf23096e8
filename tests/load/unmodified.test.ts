/**
 * Programs that know nothing of prefork, reloaded under load from a client that
 * never retries.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, IDLE_GRACE, LOCAL, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import type { Runtime } from "../runtimes.ts";
import { load } from "../strict_client.ts";

/** What runs which program, and on which server that ends up. */
const PROGRAMS: readonly (readonly [Runtime, string])[] = [
  ["node", "plain/http.mjs"],
  ["node", "plain/probes.mjs"],
  ["bun", "plain/probes.mjs"],
  ["bun", "plain/bun_serve.js"],
  ["deno", "plain/probes.mjs"],
  ["deno", "plain/deno_serve.ts"],
];

const directory = mkdtempSync(join(tmpdir(), "prefork-load-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("an unmodified program", () => {
  for (const [runtime, program] of PROGRAMS) {
    test(`${program} on ${runtime}: two SIGHUPs under load lose and cut nothing`, async () => {
      // One listen() of the program serves both.
      const socket = `unix:${join(directory, `${runtime}.sock`)}`;
      await using command = prefork([
        "-w",
        "2",
        ...LOCAL,
        "-l",
        socket,
        "--runtime",
        runtime,
        "--soak",
        "0",
        ...IDLE_GRACE,
        fixture(program),
      ]);
      const { listen, runtime: ran } = await ready(command);
      assert.equal(ran, runtime);
      const [port, path] = listen!.split(",");
      assert.equal(path, socket);
      await using running = await load([
        { kind: "connect", address: port!, loops: 2 },
        { kind: "connect", address: socket, loops: 2 },
        { kind: "keepalive", address: port!, loops: 4 },
        { kind: "keepalive", address: socket, loops: 4 },
        { kind: "half", address: port!, loops: 2 },
        // The native servers do not know how.
        ...program.endsWith(".mjs")
          ? [{ kind: "pipeline", address: port!, loops: 2 } as const]
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
