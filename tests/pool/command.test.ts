import assert from "node:assert/strict";
import {
  fixture,
  isAlive,
  LOCAL,
  prefork,
  ready,
  readyPids,
} from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";

describe("the command", () => {
  test("runs a pool, answers from every worker, stops on SIGTERM and leaves nothing", async () => {
    await using command = prefork(["-w", "4", ...LOCAL, fixture("pid.ts")]);
    const { listen, share, workers, runtime, ms } = await ready(command);
    assert.match(listen!, /^127\.0\.0\.1:\d+$/);
    assert.deepEqual([share, workers, runtime], ["balanced", "4", ownRuntime]);
    assert.ok(Number(ms) > 0);
    const bodies = await distinct(listen!, 4);
    const pids = readyPids(command);
    assert.deepEqual(
      [...bodies].sort(),
      pids.map((pid) => `pid ${pid}`).sort(),
    );
    command.signal("SIGTERM");
    assert.deepEqual(await command.ended, { code: 0, signal: null });
    assert.deepEqual(pids.filter(isAlive), []);
    await assert.rejects(get(listen!), { code: "ECONNREFUSED" });
  });

  test("logs as JSON when asked to", async () => {
    await using command = prefork([
      "-w",
      "1",
      "-l",
      "web=127.0.0.1:0",
      "--log",
      "json",
      "--name",
      "api",
      fixture("pid.ts"),
    ]);
    const [line] = await command.line(/^.*"event":"ready".*$/);
    const { listen, workers, time, pid, name } = JSON.parse(line);
    assert.deepEqual([pid, name], [command.pid, "api"]);
    assert.match(listen, /^127\.0\.0\.1:\d+$/);
    assert.equal(workers, 1);
    assert.ok(!Number.isNaN(Date.parse(time)));
    command.signal("SIGTERM");
    await command.ended;
    for (const each of command.of("stderr")) JSON.parse(each);
  });

  test("passes on the output of workers line by line, with their slot", async () => {
    await using command = prefork(["-w", "2", ...LOCAL, fixture("chatty.ts")]);
    const { listen } = await ready(command);
    await distinct(listen!, 2);
    await command.line(/^\[0\] out 0$/);
    await command.line(/^\[1\] err 1$/);
    // Two streams: what came on one says nothing of the other.
    await command.line(/^\[1\] out 1$/);
    await command.line(/^\[0\] err 0$/);
    assert.ok(command.of("stdout").includes("[1] out 1"));
    assert.ok(command.of("stderr").includes("[0] err 0"));
  });

  test("passes arguments to the program, and the environment", async () => {
    await using command = prefork([
      "-w",
      "1",
      ...LOCAL,
      fixture("arguments.ts"),
      "-w",
      "9",
      "--help",
    ], { env: { FRUIT: "fig" } });
    const { listen } = await ready(command);
    assert.deepEqual(JSON.parse((await get(listen!)).body), {
      args: ["-w", "9", "--help"],
      fruit: "fig",
      slot: "0",
    });
  });
});
