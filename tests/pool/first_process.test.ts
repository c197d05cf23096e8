/** The supervisor as PID 1, as in a container. */

import assert from "node:assert/strict";
import process from "node:process";
import { readFileSync } from "node:fs";
import { LOCAL, prefork, ready } from "../command.ts";
import { libraryFile } from "../fixtures/library_file.ts";
import { describe, test } from "../harness.ts";
import { namespaceCommand, noNamespace } from "../namespace.ts";
import { commandOn, ownRuntime } from "../runtimes.ts";

/** Leaves an orphan behind and says when nothing of it is left. */
const ORPHAN = `
  orphan=$(sh -c 'sleep 0.1 >/dev/null 2>&1 & echo $!')
  while [ -e /proc/$orphan ]; do sleep 0.05; done
  echo "reaped $PPID"
  exec sleep 1000`;

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
    const [first] = readFileSync(
      `/proc/${pool.pid}/task/${pool.pid}/children`,
      "utf8",
    ).split(" ").map(Number);
    const [worker] = readFileSync(
      `/proc/${first}/task/${first}/children`,
      "utf8",
    ).split(" ").map(Number);
    process.kill(worker!, "SIGKILL");
    await pool.line(/^prefork worker-exited .*signal=SIGKILL/, from);
    await pool.line(/^prefork worker-ready /, from);
    await pool.line(/\] reaped 1$/, from);
    process.kill(first!, "SIGTERM");
    assert.equal((await pool.ended).code, 0, pool.lines.join("\n"));
  });
});
