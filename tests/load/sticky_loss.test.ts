/**
 * Reloads under load lose nothing either where clients are tied to workers: by
 * their address, so that all of the load is one worker's, and by a cookie, so
 * that the supervisor reads each request on its way.
 */
import assert from "node:assert/strict";
import { fixture, IDLE_GRACE, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { ownRuntime, RUNTIMES } from "../runtimes.ts";
import { load } from "../strict_client.ts";

const RELOADS = 10;
const KINDS = ["connect", "keepalive", "upload"] as const;

describe(`${RELOADS} reloads under load`, () => {
  for (const [i, balance] of ["sticky", "sticky=cookie:sid"].entries()) {
    const other = RUNTIMES[(RUNTIMES.indexOf(ownRuntime) + 1 + i) % 3]!;
    test(`${balance}, workers on this runtime and on another`, {
      timeout: 120_000,
    }, async () => {
      await using command = prefork([
        ...["-r", `${ownRuntime}=1,${other}=1`, "-s", "handoff"],
        ...["--balance", balance, "--soak", "0", "-l", "http=127.0.0.1:0"],
        ...IDLE_GRACE,
        fixture("everything.ts"),
      ]);
      const { listen: address } = await ready(command);
      await using running = await load([
        { kind: "connect", address: address!, loops: 4 },
        { kind: "keepalive", address: address!, loops: 4 },
        { kind: "upload", address: address!, loops: 1 },
      ]);
      for (let i = 0; i < RELOADS; i++) {
        const from = command.lines.length;
        command.signal("SIGHUP");
        await command.line(/^prefork reload-finished /, from);
      }
      const report = await running.stop();
      const text = JSON.stringify({ ...report, bodies: undefined }) +
        command.lines.slice(-20).join("\n");
      assert.deepEqual(report.failed, [], text);
      assert.deepEqual(report.cut, [], text);
      for (const kind of KINDS) assert.ok(report.done[kind]! > RELOADS, text);
      const pids = Object.keys(report.bodies).map((body) =>
        /^pid (\d+)/.exec(body)?.[1]
      );
      assert.ok(new Set(pids).size > RELOADS / 2, text);
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, text);
    });
  }
});
