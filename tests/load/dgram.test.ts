/**
 * Datagrams under load: every one that is sent gets its answer, over reloads,
 * scaling, a crash and an upgrade. `TEST_RELOADS=20 TEST_DATAGRAMS=100000` is
 * the long run.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { fixture, prefork, readyPids, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { freeUdpPort } from "../ports.ts";
import { ownRuntime } from "../runtimes.ts";
import { upgraded } from "../upgraded.ts";
import { count, dropsAt } from "./datagrams.ts";

const RELOADS = Number(process.env["TEST_RELOADS"] ?? 3);
const DATAGRAMS = Number(process.env["TEST_DATAGRAMS"] ?? 3000);
const skip = process.platform !== "linux" && "SO_REUSEPORT is Linux'";

describe("datagrams under load", () => {
  test("shared and sharded lose none, whatever becomes of the workers", {
    timeout: 120_000 + RELOADS * 20_000,
    skip,
  }, async () => {
    const ports = [await freeUdpPort(), await freeUdpPort()];
    const [shared, sharded] = ports;
    await using command = prefork([
      ...["-w", "3", "--max-workers", "4", "-r", ownRuntime],
      ...["-l", `udp://127.0.0.1:${shared}`],
      ...["-l", `udp://127.0.0.1:${sharded}?share=sharded`],
      fixture("plain/udp_echo.mjs"),
      ...["udp4", String(shared), String(sharded)],
    ]);
    await command.line(/prefork ready /);
    const counting = count(ports, 6, DATAGRAMS > 10_000 ? 0 : 2);
    const more = Math.ceil(DATAGRAMS / (RELOADS + 3));
    const step = async (signal: NodeJS.Signals, over: RegExp) => {
      const from = command.lines.length;
      const before = counting.sent;
      command.signal(signal);
      await command.line(over, from);
      await until(() => counting.sent >= before + more, "more are asked");
    };
    for (let i = 2; i < RELOADS + 2; i++) {
      await step(
        "SIGHUP",
        new RegExp(`prefork reload-finished generation=${i} `),
      );
    }
    await step("SIGTTIN", /prefork worker-ready slot=3 /);
    await step("SIGTTOU", /prefork worker-exited slot=3 .*reason=drained/);

    // One that stands still has read nothing of what comes now.
    counting.pause(true);
    await until(
      () =>
        [...counting.answered.values()]
          .reduce((sum, one) => sum + one, 0) === counting.sent,
      "all is answered",
    );
    const victim = readyPids(command).at(-2)!;
    process.kill(victim, "SIGSTOP");
    counting.burst(10);
    const from = command.lines.length;
    process.kill(victim, "SIGKILL");
    await command.line(/prefork worker-ready /, from);
    counting.pause(false);

    await using pool = upgraded(command);
    const before = counting.sent;
    await pool.upgrade();
    await until(() => counting.sent >= before + more, "more are asked");

    assert.deepEqual(await counting.finish(), []);
    assert.ok(counting.sent >= DATAGRAMS, `${counting.sent} were sent`);
    assert.deepEqual(ports.map(dropsAt), [0, 0]);
    const twice = [...counting.answered.keys()].filter((who) =>
      who.startsWith("twice")
    );
    assert.deepEqual(twice, []);
  });
});
