/**
 * Reloads by SIGHUP under load from a client that never retries, then the
 * death of the supervisor.
 */
import assert from "node:assert/strict";
import {
  fixture,
  IDLE_GRACE,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
  until,
} from "../command.ts";
import { describe, test } from "../harness.ts";
import { load } from "../strict_client.ts";

describe("the command", () => {
  test("three SIGHUPs under load lose and cut nothing; no worker survives kill -9", async () => {
    await using command = prefork([
      "-w",
      "4",
      ...LOCAL,
      "--soak",
      "0",
      ...IDLE_GRACE,
      fixture("pid.ts"),
    ]);
    const { listen } = await ready(command);
    await using running = await load([
      { kind: "connect", address: listen!, loops: 4 },
      { kind: "keepalive", address: listen!, loops: 8 },
    ]);
    for (let i = 0; i < 3; i++) {
      command.signal("SIGHUP");
      await command.line(
        new RegExp(`^prefork reload-finished generation=${i + 2} `),
      );
    }
    const report = await running.stop();
    assert.deepEqual(report.failed, []);
    assert.deepEqual(report.cut, []);
    assert.ok(report.done.connect! > 50 && report.done.keepalive! > 50);
    // Four generations of four.
    assert.equal(readyPids(command).length, 16);
    assert.ok(Object.keys(report.bodies).length >= 4);

    await using again = await load([
      { kind: "keepalive", address: listen!, loops: 4 },
    ]);
    const alive = readyPids(command).filter(isAlive);
    assert.equal(alive.length, 4);
    command.signal("SIGKILL");
    await until(
      () => alive.filter(isAlive).length === 0,
      "every worker is gone",
      3_000,
    );
    await again.stop();
  });
});
