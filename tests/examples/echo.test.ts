/** examples/echo: raw TCP, and a connection that outlives a reload. */

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { ready, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { documented, leaves, start, talk } from "./example.ts";

describe("examples/echo", () => {
  const [echo] = documented("echo");

  test("four workers send back what they get", async () => {
    await using command = start(echo!, "127.0.0.1:0");
    const { listen } = await ready(command);
    const busy = () =>
      new Set(
        command.lines.flatMap((line) =>
          /Worker (\d+) has a client$/.exec(line)?.[1] ?? []
        ),
      );
    const words = "All work and no play. ".repeat(50_000);
    assert.equal(await talk(listen!, words), words);
    await until(async () => {
      const all = Array.from({ length: 16 }, (_, i) => talk(listen!, `${i}`));
      assert.deepEqual(await Promise.all(all), all.map((_, i) => `${i}`));
      return busy().size === 4;
    }, "four workers with a client");
    await leaves(command, "SIGTERM");
  });

  test("a connection outlives a reload", async () => {
    await using command = start(echo!, "127.0.0.1:0", ["--log", "json"]);
    const [, port] = await command.line(/"ready","listen":"[^"]*:(\d+)"/);
    const client = net.connect(Number(port), "127.0.0.1");
    try {
      assert.equal(await repeated(client, "before"), "before");
      const [, pid] = await command.line(/Worker (\d+) has a client/);
      command.signal("SIGHUP");
      await command.line(new RegExp(`"worker-draining".*"pid":${pid}`));
      assert.equal(await repeated(client, "after"), "after");
      client.end();
      await command.line(/"reload-finished"/);
      await leaves(command, "SIGTERM", [Number(pid)]);
    } finally {
      client.destroy();
    }
  });
});

async function repeated(client: net.Socket, word: string): Promise<string> {
  client.write(word);
  const [chunk] = await once(client, "data");
  return new TextDecoder().decode(chunk);
}
