/**
 * `balanced` with a supervisor that stands still, and with workers on several
 * runtimes: connections are spread evenly, and none is lost or answered twice.
 *
 * Runs once, under bun: the workers are the same under each runner. The
 * supervisor stands still, or does what it does in balanced.test.ts, where each
 * runtime's does it.
 */
import assert from "node:assert/strict";
import { fixture, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { load } from "../strict_client.ts";
import { assertWhole, crowd, evenOut, size } from "./crowd.ts";
import { CLIENTS_STAY, sum, watchedPool } from "./watched_pool.ts";

const PROGRAM = fixture("crowded.ts");

describe("balanced", () => {
  test("a supervisor that stands still for ten seconds is not missed", {
    timeout: 120_000,
  }, async () => {
    await using pool = await watchedPool({
      ...CLIENTS_STAY,
      program: PROGRAM,
      runtime: "node",
      workers: 4,
    });
    await using clients = await crowd(pool.address);
    // Two workers have many and want to pass everything on all the time.
    await clients.come(400);
    const pids = (await pool.serving()).map(({ pid }) => pid);
    const held = await clients.leave(pids.slice(2));
    const count = size(held);
    await using running = await load([
      { kind: "connect", address: pool.address, loops: 8 },
      { kind: "keepalive", address: pool.address, loops: 8 },
    ]);
    pool.command.signal("SIGSTOP");
    try {
      for (let second = 1; second <= 10; second++) {
        await running.take();
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const { failed, cut, done } = await running.take();
        assert.deepEqual([failed, cut], [[], []], `second ${second}`);
        assert.ok(done.connect! > 0, `no connection in second ${second}`);
        assert.ok(done.keepalive! > 0, `no request in second ${second}`);
      }
      // Keeps its two workers above the others, whatever came meanwhile.
      assertWhole(await clients.ask(), count);
    } finally {
      pool.command.signal("SIGCONT");
    }
    const report = await running.stop();
    assert.deepEqual([report.failed, report.cut], [[], []]);
    // Those that have many pass on again, each after a pause.
    const before = sum(await pool.serving(), (one) => one.passedOn);
    const seen = await evenOut(clients, 4, 1.15);
    assertWhole(seen, size(seen));
    await until(
      async () => sum(await pool.serving(), (one) => one.passedOn) > before,
      "connections are passed on again",
    );
  });

  for (
    const { runtime, most } of [
      { runtime: { node: 2, deno: 2 }, most: 1.3 },
      // What others have accepted cannot be passed on to Bun's own servers: they
      // have what the kernel wakes them for, which was a third to a half of what
      // the others have.
      { runtime: { node: 2, deno: 2, bun: 2 }, most: 4 },
    ]
  ) {
    const names = Object.keys(runtime);
    test(
      `workers on ${names.join(", ")} share connections that come one by one`,
      {
        // Each round waits ten times as long as the slowest answer took.
        timeout: 300_000,
      },
      async () => {
        await using pool = await watchedPool({
          ...CLIENTS_STAY,
          program: PROGRAM,
          runtime,
        });
        await using clients = await crowd(pool.address);
        assertWhole(await clients.come(300, { apart: 5 }), 300);
        const seen = await evenOut(clients, 2 * names.length, most);
        const count = size(seen);
        assertWhole(seen, count);
        assertWhole(await clients.ask(), count);
      },
    );
  }
});
