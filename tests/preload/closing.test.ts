import assert from "node:assert/strict";
import { fixture, LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get, target } from "../http.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { load } from "../strict_client.ts";
import { connect } from "../worker/client.ts";

describe("a program that closes its server on SIGTERM, as tutorials write it", () => {
  test("two reloads cut nothing and fail nothing", {
    timeout: 120_000,
  }, async () => {
    await using command = prefork([
      "-w",
      "3",
      "-r",
      runtime,
      "--soak",
      "0",
      ...LOCAL,
      fixture("plain/closes.mjs"),
    ]);
    const { listen } = await ready(command);
    await using running = await load([
      { kind: "connect", address: listen!, loops: 2, pause: 5 },
      { kind: "keepalive", address: listen!, loops: 4, pause: 5 },
    ]);
    for (const generation of [2, 3]) {
      command.signal("SIGHUP");
      await command.line(
        new RegExp(`^prefork reload-finished generation=${generation} `),
      );
    }
    const report = await running.stop();
    assert.deepEqual(report.failed, []);
    assert.deepEqual(report.cut, []);
    assert.ok(report.done.connect! > 20 && report.done.keepalive! > 20);
    assert.equal(readyPids(command).length, 9);
    // Its own end of the story: closed without an error, every time.
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    const closed = command.lines.filter((line) => / closed /.test(line));
    assert.deepEqual(
      new Set(closed.map((line) => line.slice(4))),
      new Set(["closed well"]),
    );
    assert.equal(closed.length, 9);
  });
});

describe("a program that closes its server by itself", () => {
  for (const share of ["shared", "handoff"]) {
    test(
      `${share}: a connection that has not sent its request yet is answered`,
      {
        // It is no worker's, and would wait for the next one that accepts.
        skip: runtime === "bun" && share === "shared" &&
          "the kernel holds it back until its first bytes have come (TCP_DEFER_ACCEPT)",
      },
      async () => {
        await using command = prefork([
          "-w",
          "1",
          "-r",
          runtime,
          "-s",
          share,
          ...LOCAL,
          fixture("plain/closes_itself.mjs"),
        ]);
        const { listen } = await ready(command);
        const fresh = await connect(Number(target(listen!).port));
        // It came first, so it is accepted when this is answered.
        assert.equal((await get(listen!, "/close")).body, "answered");
        fresh.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        const answer = await fresh.until(/answered/);
        assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
        assert.match(answer, /\r\nConnection: close\r\n/i);
        await fresh.ended;
        await command.line(/closed$/);
      },
    );
  }
});
