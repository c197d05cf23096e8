/** Signals, and whom they reach. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { signaller } from "../adapters/shared/kill.ts";
import { procStat } from "../libc/proc_stat.ts";
import { readProc } from "../adapters/shared/proc.ts";
import { fixture } from "./command.ts";
import { describe, test } from "./harness.ts";
import { namespaceCommand, noNamespace } from "./namespace.ts";
import { cleanEnv, commandOn, ownRuntime } from "./runtimes.ts";

const notLinux = process.platform !== "linux" &&
  "when a process began is told by /proc";

describe("a signal", () => {
  test("reaches its process, and nobody once another one has the number", {
    skip: notLinux,
  }, async () => {
    const child = spawn("sleep", ["1000"], { detached: true });
    const ended = once(child, "exit");
    const pid = child.pid!;
    const kill = (): boolean => assert.fail("the runtime was asked");
    let began = readProc(`/proc/${pid}/stat`);
    const other = signaller(pid, kill, () => began);
    began = began!.replace(
      String(procStat(pid, readProc)!.start),
      (start) => String(Number(start) + 1),
    );
    assert.equal(other("SIGTERM"), false);
    assert.equal(other("SIGKILL"), false);
    assert.equal(procStat(pid, readProc)!.state === "Z", false);
    assert.equal(
      signaller(pid, () => process.kill(pid, "SIGTERM"))("SIGTERM"),
      true,
    );
    await ended;
    assert.equal(signaller(pid, kill)("SIGKILL"), false);
  });

  test("hits none of two processes that had one number in turn but its own", {
    skip: noNamespace,
  }, () => {
    const [command, ...args] = namespaceCommand!;
    const { stdout, stderr } = spawnSync(
      command,
      [...args, ...commandOn(ownRuntime, fixture("reused_pid.ts"))],
      {
        encoding: "utf8",
        env: cleanEnv(),
        timeout: 30_000,
        killSignal: "SIGKILL",
      },
    );
    assert.deepEqual(JSON.parse(stdout || stderr), {
      gone: [false, false],
      reused: [false, false],
      lived: true,
      hit: true,
      asked: 0,
    });
  });
});
