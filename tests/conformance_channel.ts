/** Messages, and what else a worker may write instead of them. */

import assert from "node:assert/strict";
import process from "node:process";
import { type Adapter, MAX_BEHIND } from "../core/adapter.ts";
import { childOn, openFiles, settled, start } from "./conformance_tools.ts";
import { test } from "./harness.ts";
import { RUNTIMES } from "./runtimes.ts";

const BURST = 1000;

/** Adds the tests. */
export function addChannelTests(adapter: Adapter): void {
  for (const runtime of RUNTIMES) {
    test(`messages to and from ${runtime}, in order`, async () => {
      await using child = start(adapter, childOn(runtime));
      await child.message({ started: true });
      const big = "ü".repeat(300_000);
      child.process.send({ do: "echo", value: big });
      await child.message({ echo: big });
      child.process.send({ do: "burst", count: BURST });
      for (let i = 0; i < BURST; i++) {
        assert.equal(child.process.send({ do: "echo", value: i }), true);
      }
      await child.message({ echo: BURST - 1 });
      await child.message({ i: BURST - 1 });
      const all = child.messages as { echo?: number; i?: number }[];
      const expected = Array.from({ length: BURST }, (_, i) => i);
      const echoes = all.map(({ echo }) => echo)
        .filter((echo) => typeof echo === "number");
      assert.deepEqual(echoes, expected);
      assert.deepEqual(
        all.map(({ i }) => i).filter((i) => i !== undefined),
        expected,
      );
      assert.deepEqual(child.noise, []);
    });
  }

  test("garbage is reported, and later messages still arrive", async () => {
    await using child = start(adapter, childOn("node"));
    await child.message({ started: true });
    const garbage = [
      "garbage\n",
      "{\n",
      "\n",
      "\0\x01\n",
      '{"cmd":"NODE_NONSENSE"}\n',
      '{"cmd":"NODE_HANDLE","type":"net.Nonsense","msg":1}\n',
      "\ud800\n",
    ];
    for (const text of garbage) child.process.send({ do: "raw", text });
    child.process.send({ do: "echo", value: 1 });
    await child.message({ echo: 1 });
    assert.equal(child.noise.length, garbage.length, child.noise.join("\n"));
  });

  test("values that are no objects are messages too", async () => {
    await using child = start(adapter, childOn("node"));
    await child.message({ started: true });
    child.process.send({ do: "raw", text: 'null\n1\n"x"\n[]\n{"cmd":1}\n' });
    child.process.send({ do: "echo", value: 1 });
    await child.message({ echo: 1 });
    assert.deepEqual(child.messages.slice(1, 6), [null, 1, "x", [], {
      cmd: 1,
    }]);
    assert.deepEqual(child.noise, []);
  });

  test("confirmations that nobody asked for do no harm", async () => {
    await using child = start(adapter, childOn("node"));
    await child.message({ started: true });
    for (const cmd of ["NODE_HANDLE_ACK", "NODE_HANDLE_NACK"]) {
      child.process.send({ do: "raw", text: `{"cmd":"${cmd}"}\n` });
    }
    child.process.send({ do: "echo", value: 1 });
    await child.message({ echo: 1 });
  });

  test("an oversized message is dropped and reported once", async () => {
    await using child = start(adapter, childOn("node"));
    await child.message({ started: true });
    child.process.send({ do: "raw", text: "x".repeat(1000), times: 3000 });
    child.process.send({ do: "raw", text: "\n" });
    child.process.send({ do: "echo", value: 1 });
    await child.message({ echo: 1 });
    assert.equal(child.noise.length, 1);
    assert.match(child.noise[0]!, /longer than 1048576 bytes/);
  });

  test("a stopped worker gets everything when it goes on", async () => {
    await using child = start(adapter, childOn("node"));
    await child.message({ started: true });
    process.kill(child.process.pid, "SIGSTOP");
    const value = "x".repeat(50_000);
    for (let i = 0; i < 50; i++) {
      assert.ok(child.process.send({ do: "echo", value }));
    }
    assert.equal(child.process.behind, false);
    const more = { do: "echo", value: 1 };
    for (let i = 0; i <= MAX_BEHIND; i++) child.process.send(more);
    assert.equal(child.process.behind, true);
    child.process.send({ do: "echo", value: "last" });
    process.kill(child.process.pid, "SIGCONT");
    await child.message({ echo: "last" });
    assert.equal(child.process.behind, false);
    assert.equal(
      child.messages.filter((message) =>
        (message as { echo?: unknown }).echo === value
      ).length,
      50,
    );
  });

  test("a worker may close the channel and live on", async () => {
    const before = openFiles();
    for (const runtime of RUNTIMES) {
      await using child = start(adapter, childOn(runtime), {
        env: () => ({ STAY: "1" }),
      });
      await child.message({ started: true });
      child.process.send({ do: "disconnect" });
      await child.until(({ lines }) => lines.includes("stdout: disconnected"));
      while (child.process.send({ do: "echo", value: 1 })) {
        await new Promise((resume) => setTimeout(resume, 5));
      }
      child.process.kill("SIGKILL");
      assert.deepEqual(await child.exit, { code: null, signal: "SIGKILL" });
    }
    await settled(openFiles, before);
  });
}
