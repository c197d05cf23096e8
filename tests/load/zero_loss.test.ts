/**
 * The first promise: fifty reloads under load lose no connection and cut no
 * request, in each mode that promises it, over TCP and Unix sockets, with this
 * runner's runtime as the supervisor and workers of all three.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, IDLE_GRACE, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { load, type LoadKind } from "../strict_client.ts";

const RELOADS = 50;
const MODES = ["balanced", "shared", "sharded", "handoff"] as const;
const KINDS: readonly LoadKind[] = [
  "connect",
  "keepalive",
  "half",
  "upload",
  "echo",
];

const dir = mkdtempSync(join(tmpdir(), "prefork-loss-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The listeners of a mode: HTTP and an echo over TCP, and over Unix sockets. */
function listenersOf(share: typeof MODES[number]): string[] {
  const unix = share === "sharded" ? "shared" : share;
  return [
    `${share}-http=127.0.0.1:0?share=${share}`,
    `${share}-echo=127.0.0.1:0?share=${share}`,
    `${share}-unix-http=unix:${dir}/${share}-http.sock?share=${unix}`,
    `${share}-unix-echo=unix:${dir}/${share}-echo.sock?share=${unix}`,
  ];
}

describe(`${RELOADS} reloads under load`, () => {
  test("in all modes at once, with workers on each runtime", {
    timeout: 480_000,
  }, async () => {
    const listeners = MODES.flatMap(listenersOf);
    await using command = prefork([
      ...["-r", "node=1,deno=1,bun=1", "--soak", "0"],
      ...IDLE_GRACE,
      ...listeners.flatMap((listener) => ["-l", listener]),
      fixture("everything.ts"),
    ]);
    const { listen } = await ready(command);
    const addresses = listen!.split(",");
    await using stack = new AsyncDisposableStack();
    const clients = [];
    for (const [i, share] of MODES.entries()) {
      const [http, echo, unixHttp, unixEcho] = addresses.slice(4 * i);
      const loads = [[http!, echo!], [unixHttp!, unixEcho!]].flatMap((at) =>
        KINDS.map((kind) => ({
          kind,
          address: at[kind === "echo" ? 1 : 0]!,
          loops: 1,
          pause: 250,
        }))
      );
      clients.push({ share, running: stack.use(await load(loads)) });
    }
    for (let i = 0; i < RELOADS; i++) {
      const from = command.lines.length;
      command.signal("SIGHUP");
      await command.line(/^prefork reload-finished /, from);
    }
    for (const { share, running } of clients) {
      const report = await running.stop();
      const text = `${share} ${JSON.stringify(report)}` +
        command.lines.slice(-20).join("\n");
      assert.deepEqual(report.failed, [], text);
      assert.deepEqual(report.cut, [], text);
      for (const kind of KINDS) {
        assert.ok(report.done[kind]! > RELOADS, text);
      }
    }
    command.signal("SIGTERM");
    const { code } = await command.ended;
    assert.equal(code, 0, command.lines.slice(-20).join("\n"));
    const bad = command.lines.filter((line) =>
      /crashed|killed signal|worker-killed|boot-failed|noise/.test(line)
    );
    assert.deepEqual(bad, []);
  });
});
