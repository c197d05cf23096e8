/** A supervisor whose sockets are its parent's. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import {
  addresses,
  below,
  connected,
  echoed,
  einhorn,
  everyFormat,
  program,
  skip,
  writeProgram,
} from "../below.ts";
import { fixture, isAlive, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";

writeProgram();

describe("sockets of a parent", () => {
  test(
    "in every format: asked for by address, kept by a reload and an upgrade, left at the end",
    {
      skip,
    },
    async () => {
      const asked = [
        ...["systemd:", "{2}", "unix:{3}"],
        ...["fd:10", "{5}", "{6}", "{7}", "{8}", "{9}", "fd:0"],
      ];
      await using command = below(everyFormat("asked"), [
        ...["-w", "1", "--probation", "0"],
        ...asked.flatMap((one) => ["-l", one]),
        program,
      ]);
      const all = await addresses(command);
      const answered = async (): Promise<Set<string>> => {
        const answers = await Promise.all(all.map((one) => get(one)));
        return new Set(answers.map(({ body }) => body));
      };
      await command.line(/^prefork ready /);
      const [first] = [...await answered()];
      // No variable is left: SERVER_STARTER_'s are the pool's own.
      assert.match(first!, /^pid \d+ ?(SERVER_STARTER_\w+,?)*$/);
      command.signal("SIGHUP");
      await command.line(/^prefork reload-finished /);
      const second = await answered();
      assert.ok(second.size === 1 && !second.has(first!));

      command.signal("SIGUSR2");
      const [, next] = await command.line(
        /^prefork upgrade-finished pid=(\d+)|Cannot upgrade/,
      );
      await command.line(/^ended 0$/);
      const third = await answered();
      assert.ok(third.size === 1 && !third.has([...second][0]!));
      const from = command.lines.length;
      process.kill(Number(next), "SIGTERM");
      await command.line(/^prefork stopped /, from);
      await until(() => !isAlive(Number(next)), "the successor has gone");
      // The parent's queues are there still, and so are its paths.
      await Promise.all(all.map(connected));
      for (const { path } of everyFormat("asked").sockets) {
        assert.ok(path === undefined || existsSync(path));
      }
      const left = command.lines.filter((line) => line.includes("nobody"));
      assert.deepEqual(left, []);
    },
  );
});

test("Einhorn hears that all serve, by the connection that no worker has", {
  skip,
}, async () => {
  await using command = below(einhorn, ["-w", "2", program]);
  const [, text] = await command.line(/^heard (.*)$/);
  // It has heard the end, too: whoever else had it would keep it open.
  const [, pid] = await command.line(/^prefork ready .* pid=(\d+)/);
  assert.deepEqual(JSON.parse(text!), {
    command: "worker:ack",
    pid: Number(pid),
  });
});

test("one of UDP by its number, kept by a reload and an upgrade", {
  skip,
}, async () => {
  await using command = below({
    stay: true,
    sockets: [{ at: 5, kind: "udp" }],
  }, [
    ...["-w", "1", "--probation", "0", "-l", "fd:5"],
    ...[fixture("plain/udp_echo.mjs"), "udp4", "{port}"],
  ]);
  const [address] = await addresses(command);
  await command.line(/^prefork ready /);
  assert.match(await echoed(address!, "first"), /^first/);
  command.signal("SIGHUP");
  await command.line(/^prefork reload-finished /);
  assert.match(await echoed(address!, "second"), /^second/);
  command.signal("SIGUSR2");
  const [, next] = await command.line(
    /^prefork upgrade-finished pid=(\d+)|Cannot upgrade/,
  );
  await command.line(/^ended 0$/);
  assert.match(await echoed(address!, "third"), /^third/);
  process.kill(Number(next), "SIGTERM");
  await until(() => !isAlive(Number(next)), "the successor ends");
});
