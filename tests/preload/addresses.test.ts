import assert from "node:assert/strict";
import { fixture, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { freePort, holder } from "../ports.ts";
import { ownRuntime as runtime } from "../runtimes.ts";

/** The command with a program that listens on two ports. */
function two(
  runtime: string,
  ports: readonly [number, number],
  ...args: string[]
): ReturnType<typeof prefork> {
  return prefork([
    "-w",
    "3",
    "-r",
    runtime,
    ...LOCAL,
    ...args,
    fixture("plain/two.mjs"),
    ...ports.map(String),
  ]);
}

describe("an address that the pool does not hold", () => {
  test("three workers share one port for their metrics", async () => {
    const port = await freePort();
    await using command = two(runtime, [3000, port]);
    const { listen } = await ready(command);
    const main = listen!.split(",")[0]!;
    await command.line(
      new RegExp(
        `^prefork listening .*address=127.0.0.1:${port} share=handoff reason="opened for a worker"$`,
      ),
    );
    for (const slot of [0, 1, 2]) {
      await command.line(
        new RegExp(`^\\[${slot}\\] metrics on 127.0.0.1:${port}$`),
      );
      await command.line(new RegExp(`^\\[${slot}\\] main on ${main}$`));
    }
    await distinct(`127.0.0.1:${port}`, 3);
    await distinct(main, 3);
    // It is open all through a reload.
    command.signal("SIGHUP");
    let asked = 0;
    let over = false;
    const reloaded = command.line(/reload-finished/).finally(() => over = true);
    while (!over) {
      const { body } = await get(`127.0.0.1:${port}`);
      assert.match(body, /^metrics pid=\d+\n$/);
      asked++;
    }
    await reloaded;
    assert.ok(asked > 0);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    await assert.rejects(get(`127.0.0.1:${port}`));
  });

  test("port 0 is one port for all workers", async () => {
    await using command = two(runtime, [3000, 0]);
    await ready(command);
    const seen = new Set<string>();
    for (const slot of [0, 1, 2]) {
      const [, port] = await command.line(
        new RegExp(`^\\[${slot}\\] metrics on 127.0.0.1:(\\d+)$`),
      );
      seen.add(port!);
    }
    assert.equal(seen.size, 1);
    await distinct(`127.0.0.1:${[...seen][0]}`, 3);
  });

  test("one in use is an error of the program's server, which goes on", async () => {
    await using held = await holder();
    await using command = two(runtime, [3000, held.port]);
    const { listen } = await ready(command);
    for (const slot of [0, 1, 2]) {
      await command.line(
        new RegExp(
          `^\\[${slot}\\] error EADDRINUSE .*127.0.0.1:${held.port}.*in use`,
        ),
      );
    }
    await distinct(listen!, 3);
  });

  test("--private-ports leaves it to each worker", async () => {
    const port = await freePort();
    await using command = two(runtime, [3000, port], "--private-ports");
    await ready(command);
    const from = (pattern: RegExp) =>
      command.lines.filter((line) => pattern.test(line)).length;
    await command.line(new RegExp(`metrics on 127.0.0.1:${port}$`));
    await command.line(/error EADDRINUSE/);
    assert.equal(from(/opened for a worker/), 0);
    assert.equal(from(/metrics on/), 1);
  });

  test("the server with the pool's port has it, also when it comes second", async () => {
    const [port, own] = [await freePort(), await freePort()];
    const pool = `127.0.0.1:${port}`;
    const program = fixture("plain/two.mjs");
    const args = ["-w", "1", "-r", runtime, "-l", pool, program];
    await using command = prefork([...args, String(own), String(port)]);
    await ready(command);
    assert.match((await get(pool)).body, /^metrics pid=\d+\n$/);
    await command.line(new RegExp(`address=127.0.0.1:${own} share=handoff`));
    assert.match((await get(`127.0.0.1:${own}`)).body, /^main pid=\d+\n$/);
  });
});
