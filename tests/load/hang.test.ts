/**
 * Hung workers and a stopped supervisor, under load from a client that never
 * retries.
 */
import assert from "node:assert/strict";
import {
  type Command,
  fixture,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
} from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { patience } from "../pace.ts";
import { load } from "../strict_client.ts";

/** Seconds; workers of a busy machine may stand still for a moment. */
const TIMEOUT = patience(3);

function start(...args: readonly string[]): Command {
  return prefork([
    ...["-w", "2", "--hang-timeout", `${TIMEOUT}s`],
    ...args,
    fixture("hangs.ts"),
  ]);
}

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

describe("under load", () => {
  test("while (true) in one worker: it is replaced, the others lose nothing; a stopped supervisor finds nobody hung", async () => {
    await using command = start(...LOCAL);
    const address = (await ready(command))["listen"]!;
    const spins = get(address, "/spin").then(() => "answered", () => "gone");
    const pid = Number((await command.line(/hanging (\d+)/))[1]);
    const loads = [
      { kind: "connect", address, loops: 1 },
      { kind: "keepalive", address, loops: 1 },
    ] as const;
    await using running = await load(loads);
    const hung = (await command.line(/^prefork worker-hung .*/))[0];
    assert.ok(hung.includes(` pid=${pid} `), hung);
    await command.line(
      new RegExp(`^prefork worker-exited .* pid=${pid} reason=hung`),
    );
    await command.line(/^prefork worker-ready /, command.lines.length);
    assert.equal(await spins, "gone");
    assert.ok(!isAlive(pid));
    const first = await running.take();
    assert.deepEqual([first.failed, first.cut], [[], []]);
    assert.ok(first.done.connect! > 20 && first.done.keepalive! > 20);

    const before = readyPids(command);
    command.signal("SIGSTOP");
    await sleep(2.5 * TIMEOUT * 1000);
    command.signal("SIGCONT");
    // What it makes of that would show in its next turns.
    await sleep(1.5 * TIMEOUT * 1000);
    const second = await running.stop();
    assert.deepEqual([second.failed, second.cut], [[], []]);
    assert.ok(second.done.connect! > 20 && second.done.keepalive! > 20);
    assert.deepEqual(readyPids(command), before);
  });
});
