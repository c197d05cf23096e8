/**
 * Programs that end themselves at SIGTERM break nothing by it: no request of a
 * client that never retries fails, in any mode, with this runner's runtime as
 * the supervisor and workers of all three.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, IDLE_GRACE, prefork, ready } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { load } from "../strict_client.ts";

const RELOADS = 3;
const KINDS = ["database", "unavailable", "terminated", "native"] as const;

const dir = mkdtempSync(join(tmpdir(), "prefork-handlers-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Where it is off, who leaves resets what is in its queue of `reuseport`. */
function migratesRequests(): boolean {
  try {
    const file = "/proc/sys/net/ipv4/tcp_migrate_req";
    return readFileSync(file, "latin1").trim() === "1";
  } catch {
    return false;
  }
}

const MODES = ["balanced", "shared", "sharded", "handoff"];
/** Native servers end idle connections themselves there (best effort). */
const REUSEPORT = migratesRequests()
  ? KINDS.filter((kind) => kind !== "native")
  : [];

describe("handlers of SIGTERM", () => {
  test(`${RELOADS} reloads under load fail and cut nothing`, async () => {
    const listeners = [
      ...MODES.flatMap((share) =>
        KINDS.map((kind) => `${share}-${kind}=127.0.0.1:0?share=${share}`)
      ),
      ...REUSEPORT.map((kind) =>
        `reuseport-${kind}=127.0.0.1:0?share=reuseport`
      ),
      `unix-native=unix:${dir}/native.sock?share=shared`,
    ];
    await using command = prefork([
      ...["-r", "node=1,deno=1,bun=1", "--soak", "0"],
      ...IDLE_GRACE,
      ...listeners.flatMap((listener) => ["-l", listener]),
      fixture("ends_itself.ts"),
    ]);
    const { listen } = await ready(command);
    await using running = await load(
      listen!.split(",").flatMap((address) => [
        { kind: "keepalive", address, loops: 2 },
        { kind: "connect", address, loops: 1, pause: 100 },
      ]),
    );
    for (let i = 0; i < RELOADS; i++) {
      const from = command.lines.length;
      command.signal("SIGHUP");
      await command.line(/^prefork reload-finished /, from);
    }
    const report = await running.stop();
    const text = JSON.stringify({ report, listen, listeners }) +
      command.lines.slice(-20).join("\n");
    assert.deepEqual(report.failed, [], text);
    assert.deepEqual(report.cut, [], text);
    assert.ok(report.closes > RELOADS * listeners.length, text);
    command.signal("SIGTERM");
    assert.deepEqual(await command.ended, { code: 0, signal: null }, text);
    const bad = command.lines.filter((line) =>
      /crashed|killed signal|worker-killed|boot-failed|noise|refused/.test(line)
    );
    assert.deepEqual(bad, []);
  });
});
