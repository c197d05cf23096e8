/** examples/cluster-hello: every worker listens on the same port. */

import assert from "node:assert/strict";
import process from "node:process";
import { ready, readyPids, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { documented, leaves, pids, several, start } from "./example.ts";

describe("examples/cluster-hello", () => {
  const [hello] = documented("cluster-hello");

  test("four workers answer and print that they did", async () => {
    await using command = start(hello!, "127.0.0.1:0");
    const { listen, workers } = await ready(command);
    assert.equal(workers, "4");
    const seen = await pids(
      4,
      several(async () => (await get(listen!, "/who")).body),
    );
    assert.deepEqual([...seen].sort(), readyPids(command).sort());
    for (const pid of seen) {
      await command.line(new RegExp(`^\\[\\d\\] Worker ${pid} started$`));
      await command.line(new RegExp(`^\\[\\d\\] Worker ${pid} answers /who$`));
    }
    await leaves(command, "SIGTERM", seen);
  });

  test("a worker that dies is replaced", async () => {
    await using command = start(hello!, "127.0.0.1:0");
    const { listen } = await ready(command);
    const [victim] = readyPids(command);
    process.kill(victim!, "SIGKILL");
    await until(() => readyPids(command).length === 5, "a fifth worker");
    const fresh = readyPids(command).slice(1);
    const seen = await pids(4, several(async () => (await get(listen!)).body));
    assert.deepEqual([...seen].sort(), fresh.sort());
    await leaves(command, "SIGTERM", seen);
  });
});
