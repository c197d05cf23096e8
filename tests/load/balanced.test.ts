/**
 * What `balanced` promises: connections are spread evenly, whoever hangs or
 * stands still, and none is lost or answered twice.
 */
import assert from "node:assert/strict";
import { fixture, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { patience } from "../pace.ts";
import { load } from "../strict_client.ts";
import { type Crowd, crowd, evenOut, size } from "./crowd.ts";
import { sum, watchedPool, WORKERS } from "./watched_pool.ts";

const PROGRAM = fixture("crowded.ts");

/** Everybody has an answer, and always of the same worker. */
function assertWhole(seen: Crowd, count: number): void {
  const text = JSON.stringify(seen);
  assert.deepEqual(seen.failed, [], text);
  assert.deepEqual([seen.gone, seen.moved, seen.extra], [0, 0, 0], text);
  assert.equal(size(seen), count);
}

describe("balanced", () => {
  for (const [where, runtime] of Object.entries(WORKERS)) {
    test(
      `5,000 connections of one client are spread over four workers ${where}, and the status adds up`,
      {
        timeout: 120_000,
      },
      async () => {
        await using pool = await watchedPool({
          program: PROGRAM,
          runtime,
          workers: 4,
        });
        await using clients = await crowd(pool.address);
        assertWhole(await clients.come(5000, { together: 16 }), 5000);
        // A machine that is busy with something else makes them uneven for a
        // moment, and the next ones make up for it.
        const seen = await evenOut(clients, 4, 1.15);
        const count = size(seen);
        assertWhole(seen, count);
        // A worker writes what it has done a moment later.
        await until(async () => {
          const { workers, waiting } = await pool.status();
          return waiting === 0 &&
            workers.every(({ pid, connections, accepted, takenOver }) =>
              connections === seen.open[pid] &&
              accepted + takenOver === connections
            ) &&
            sum(workers, (one) => one.passedOn) ===
              sum(workers, (one) => one.takenOver);
        }, "the status adds up").catch(async (error) => {
          throw new Error(`${error} ${JSON.stringify(await pool.status())}`);
        });
        assertWhole(await clients.ask(), count);
        await clients.leave();
        await until(
          async () => sum(await pool.serving(), (one) => one.connections) === 0,
          "the status shows no connection",
        );
      },
    );
  }

  test("a supervisor that stands still for ten seconds is not missed", {
    timeout: 120_000,
  }, async () => {
    await using pool = await watchedPool({
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

  for (const [where, runtime] of Object.entries(WORKERS)) {
    test(`a worker ${where} that hangs delays nobody, and makes up for it afterwards`, async () => {
      await using pool = await watchedPool({
        program: PROGRAM,
        runtime,
        workers: 4,
      });
      await using one = await crowd(pool.address);
      await using others = await crowd(pool.address);
      // As long as it takes to see on this machine that nobody is delayed.
      const hang = patience(3000);
      // So many that passing goes on when it begins to hang.
      await others.come(40);
      const hanging = one.come(1, { url: `/hang/${hang}` });
      const [, pid] = await pool.command.line(/hanging (\d+)$/);
      const before = (await others.look()).open[pid!] ?? 0;
      let bursts = 0;
      while ((await one.look()).waiting > 0) {
        const seen = await others.come(20);
        assertWhole(seen, 40 + 20 * ++bursts);
        assert.ok(seen.slowest < hang / 2, `answered after ${seen.slowest} ms`);
        // It may have been over before they had all come.
        if (bursts === 20 || (await one.look()).waiting === 0) break;
        assert.equal(seen.open[pid!] ?? 0, before);
      }
      assert.ok(bursts > 1, "it hangs too short");
      assertWhole(await hanging, 1);
      const seen = await evenOut(others, 4, 1.15);
      assertWhole(seen, size(seen));
    });
  }

  for (
    const { runtime, most } of [
      { runtime: { node: 2, deno: 2 }, most: 1.3 },
      // What others have accepted cannot be passed on to Bun's own servers.
      { runtime: { node: 2, deno: 2, bun: 2 }, most: 2 },
    ]
  ) {
    const names = Object.keys(runtime);
    test(`workers on ${names.join(", ")} share connections that come one by one`, async () => {
      await using pool = await watchedPool({ program: PROGRAM, runtime });
      await using clients = await crowd(pool.address);
      assertWhole(await clients.come(300, { apart: 5 }), 300);
      const seen = await evenOut(clients, 2 * names.length, most);
      const count = size(seen);
      assertWhole(seen, count);
      assertWhole(await clients.ask(), count);
    });
  }
});
