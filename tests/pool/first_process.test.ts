/** The supervisor as PID 1, as in a container. */

import assert from "node:assert/strict";
import process from "node:process";
import { readFileSync } from "node:fs";
import {
  fixture,
  IDLE_GRACE,
  LOCAL,
  prefork,
  ready,
  until,
} from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { describe, test } from "../harness.ts";
import { namespaceCommand, noNamespace } from "../namespace.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";
import { load, type LoadKind } from "../strict_client.ts";

/** Leaves an orphan behind and says when nothing of it is left. */
const ORPHAN = `
  orphan=$(sh -c 'sleep 0.1 >/dev/null 2>&1 & echo $!')
  while [ -e /proc/$orphan ]; do sleep 0.05; done
  echo "reaped $PPID"
  exec sleep 1000`;

const KINDS: readonly LoadKind[] = ["connect", "keepalive"];

/** The processes that a process has started and not reaped. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

describe("as PID 1 the supervisor", () => {
  test("reaps orphans, hears of its workers' ends and obeys SIGTERM", {
    skip: noNamespace,
  }, async () => {
    const command = commandOn(ownRuntime, libraryFile("cli"));
    await using pool = prefork(
      ["-w", "1", "-r", "exec", ...LOCAL, "sh", "-c", ORPHAN],
      { command: [...namespaceCommand!, ...command] },
    );
    await ready(pool);
    await pool.line(/\] reaped 1$/);
    const from = pool.lines.length;
    const [first] = childrenOf(pool.pid);
    const [worker] = childrenOf(first!);
    process.kill(worker!, "SIGKILL");
    await pool.line(/^prefork worker-exited .*signal=SIGKILL/, from);
    await pool.line(/^prefork worker-ready /, from);
    await pool.line(/\] reaped 1$/, from);
    process.kill(first!, "SIGTERM");
    assert.equal((await pool.ended).code, 0, pool.lines.join("\n"));
  });

  test("stays in an upgrade as the init of the next ones: 0 failed", {
    skip: noNamespace,
  }, async () => {
    const command = commandOn(ownRuntime, libraryFile("cli"));
    await using pool = prefork(
      [
        ...["-w", "2", "--soak", "0", "--probation", "0", ...IDLE_GRACE],
        ...[
          "-l",
          "web-http=127.0.0.1:0",
        ],
        fixture("everything.ts"),
      ],
      { command: [...namespaceCommand!, ...command] },
    );
    const { listen } = await ready(pool);
    const [first] = childrenOf(pool.pid);
    await using running = await load(
      listen!.split(",").flatMap((address) =>
        KINDS.map((kind) => ({ kind, address, loops: 1, pause: 50 }))
      ),
    );
    for (let i = 0; i < 2; i++) {
      const from = pool.lines.length;
      process.kill(first!, "SIGUSR2");
      await pool.line(/^prefork kept /, from);
      // The next supervisor alone is left, and nothing that nobody reaps.
      await until(
        () => childrenOf(first!).length === 1,
        "all others have ended, and were reaped",
      );
    }
    // A signal to process 1 is obeyed by who serves.
    const from = pool.lines.length;
    process.kill(first!, "SIGHUP");
    await pool.line(/^prefork reload-finished /, from);
    const report = await running.stop();
    const text = JSON.stringify(report) + pool.lines.join("\n");
    assert.deepEqual(report.failed, [], text);
    assert.deepEqual(report.cut, [], text);
    for (const kind of KINDS) assert.ok(report.done[kind]! > 10, text);
    process.kill(first!, "SIGTERM");
    assert.equal((await pool.ended).code, 0, pool.lines.join("\n"));
  });
});
