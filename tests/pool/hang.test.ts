import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { temporaryDirectory } from "../conformance_tools.ts";
import { test } from "../harness.ts";
import { get } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";

const LINUX_ONLY = {
  skip: process.platform === "linux" ? false : "/proc is Linux'",
} as const;

test(
  "a thread of a worker on Node tells its stack, opens no port and keeps nothing alive",
  LINUX_ONLY,
  async () => {
    await using command = prefork([
      ...["-w", "1", "--hang-timeout", "1s", "--hang-stack", "thread"],
      ...[...LOCAL, fixture("hangs.ts")],
    ]);
    const address = (await ready(command))["listen"]!;
    const answer = get(address, "/spin").catch(() => "gone");
    const [line] = await command.line(/^prefork worker-hung .*/);
    assert.match(
      line,
      ownRuntime === "node"
        ? / stack="spinForEver \(.*hangs\.ts:\d+:\d+\) < .*"$/
        : / stack=unavailable$/,
    );
    assert.equal(await answer, "gone");
    await command.line(/^prefork worker-ready /, command.lines.length);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    assert.deepEqual(
      command.lines.filter((each) => each.includes("Debugger listening")),
      [],
    );
    using directory = temporaryDirectory();
    const nothing = `${directory.path}/nothing.mjs`;
    writeFileSync(nothing, "");
    await using idle = prefork(
      ["-w", "1", "--hang-stack", "thread", ...LOCAL, nothing],
    );
    assert.equal((await idle.ended).code, 3);
    assert.match(idle.lines.at(-1)!, /ended without calling listen/);
  },
);

test("a worker that was started with its debugger tells its stack there", {
  skip: ownRuntime === "bun" ? "Bun shows it nobody" : LINUX_ONLY.skip,
}, async () => {
  await using command = prefork([
    ...["-w", "1", "--hang-timeout", "1s", ...LOCAL],
    ...["--runtime-arg", "--inspect=127.0.0.1:0", fixture("hangs.ts")],
  ]);
  const address = (await ready(command))["listen"]!;
  const answer = get(address, "/spin").catch(() => "gone");
  assert.match(
    (await command.line(/^prefork worker-hung .*/))[0],
    / stack="spinForEver \(.*hangs\.ts:\d+:\d+\) < .*"$/,
  );
  assert.equal(await answer, "gone");
  await command.line(/^prefork worker-ready /, command.lines.length);
  command.signal("SIGTERM");
  assert.equal((await command.ended).code, 0);
});

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
