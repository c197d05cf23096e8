/**
 * The first promise: fifty reloads under load lose no connection and cut no
 * request, in each mode that promises it, over TCP and Unix sockets, with this
 * runner's runtime as the supervisor and workers of two runtimes.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { ownRuntime, RUNTIMES } from "../runtimes.ts";
import { load } from "../strict_client.ts";

const RELOADS = 50;

const dir = mkdtempSync(join(tmpdir(), "prefork-loss-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe(`${RELOADS} reloads under load`, () => {
  for (
    const [i, share] of ["balanced", "shared", "sharded", "handoff"].entries()
  ) {
    // Over the modes and the runners each runtime meets each mode.
    const other = RUNTIMES[(RUNTIMES.indexOf(ownRuntime) + 1 + i % 2) % 3]!;
    test(`${share}, workers on this runtime and on another`, {
      timeout: 240_000,
    }, async () => {
      const unix = share === "sharded" ? "shared" : share;
      const listeners = [
        "http=127.0.0.1:0",
        "echo=127.0.0.1:0",
        `unix-http=unix:${dir}/${share}-http.sock?share=${unix}`,
        `unix-echo=unix:${dir}/${share}-echo.sock?share=${unix}`,
      ];
      await using command = prefork([
        "-r",
        `${ownRuntime}=1,${other}=1`,
        "-s",
        share,
        "--soak",
        "0",
        ...listeners.flatMap((listener) => ["-l", listener]),
        fixture("everything.ts"),
      ]);
      const { listen } = await ready(command);
      const [http, echo, unixHttp, unixEcho] = listen!.split(",");
      await using running = await load(
        [[http!, echo!], [unixHttp!, unixEcho!]].flatMap(([http, echo]) => [
          { kind: "connect", address: http!, loops: 2, pause: 4 },
          { kind: "keepalive", address: http!, loops: 2, pause: 4 },
          { kind: "upload", address: http!, loops: 1, pause: 20 },
          { kind: "echo", address: echo!, loops: 1, pause: 20 },
        ]),
      );
      for (let i = 0; i < RELOADS; i++) {
        const from = command.lines.length;
        command.signal("SIGHUP");
        await command.line(/^prefork reload-finished /, from);
      }
      const report = await running.stop();
      const text = JSON.stringify(report) + command.lines.slice(-20).join("\n");
      assert.deepEqual(report.failed, [], text);
      assert.deepEqual(report.cut, [], text);
      for (const kind of ["connect", "keepalive", "upload", "echo"] as const) {
        assert.ok(report.done[kind]! > RELOADS, text);
      }
      command.signal("SIGTERM");
      assert.equal((await command.ended).code, 0, text);
      const bad = command.lines.filter((line) =>
        /crashed|killed signal|boot-failed|noise/.test(line)
      );
      assert.deepEqual(bad, []);
    });
  }
});
