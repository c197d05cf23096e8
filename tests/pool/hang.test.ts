import assert from "node:assert/strict";
import process from "node:process";
import { fixture, prefork, ready, readyPids } from "../command.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";

const LINUX_ONLY = {
  skip: process.platform === "linux" ? false : "/proc is Linux'",
} as const;

test(
  'a hung worker, in "shared" where connections need no messages: the line tells a loop from SIGSTOP, on Node with its stack',
  LINUX_ONLY,
  async () => {
    await using command = prefork([
      ...["-w", "2", "--hang-timeout", "1s"],
      ...["-l", "127.0.0.1:0?share=shared"],
      fixture("hangs.ts"),
    ]);
    const address = (await ready(command))["listen"]!;
    const [stopped] = readyPids(command);
    process.kill(stopped!, "SIGSTOP");
    const of = (pid: number | string): RegExp =>
      new RegExp(`^prefork worker-hung slot=\\d generation=1 pid=${pid} .*`);
    assert.match(
      (await command.line(of(stopped!)))[0],
      / why="it is stopped, as by SIGSTOP" loop=stalled state=T cpu=0 .* stack=unavailable$/,
    );
    const answer = get(address, "/spin").catch(() => "gone");
    const [, spinning] = await command.line(/hanging (\d+)/);
    const [line] = await command.line(of(spinning!));
    assert.match(
      line,
      / why="it runs code that does not come to an end" loop=stalled /,
    );
    assert.match(
      line,
      ownRuntime === "node"
        ? / stack="spinForEver \(.*hangs\.ts:\d+:\d+\) < .*"$/
        : / stack=unavailable$/,
    );
    await command.line(
      new RegExp(`^prefork worker-exited .* pid=${spinning} reason=hung`),
    );
    assert.equal(await answer, "gone");
    assert.match((await get(address)).body, /^pid \d+$/);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  },
);
