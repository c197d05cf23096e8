/** `Pool` in this very process: the runner's runtime supervises natively. */
import assert from "node:assert/strict";
import process from "node:process";
import { Pool, type PoolEvent } from "../../mod.ts";
import { fixture, isAlive } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";
import { load } from "../strict_client.ts";

/** Follows the events of a pool. */
function follow(pool: Pool): {
  readonly seen: readonly PoolEvent[];
  readonly ended: Promise<void>;
  until(condition: (event: PoolEvent) => boolean): Promise<PoolEvent>;
} {
  const seen: PoolEvent[] = [];
  const waiting = new Set<() => void>();
  const reading = pool.events();
  const ended = (async () => {
    for await (const event of reading) {
      seen.push(event);
      for (const check of waiting) check();
    }
  })();
  return {
    seen,
    ended,
    until: (condition) =>
      new Promise((resolve) => {
        const check = () => {
          const found = seen.find(condition);
          if (found === undefined) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
  };
}

describe("Pool", () => {
  test("start, scale, ready, reload, status, events, stop", async () => {
    const pool = new Pool({
      program: fixture("talks.ts"),
      runtime: ownRuntime,
      listen: "127.0.0.1:0",
      workers: 2,
      soak: 0,
      probation: 0,
    });
    const { seen, ended } = follow(pool);
    assert.equal(pool.status().state, "new");
    await pool.start();
    try {
      const { address } = pool.status().listeners[0]!;
      await distinct(address, 2);
      pool.scale(3);
      await pool.ready();
      await distinct(address, 3);
      const before = pool.status().workers.map(({ pid }) => pid);
      await pool.reload();
      const after = pool.status();
      assert.equal(after.generation, 2);
      assert.equal(after.ready, 3);
      assert.deepEqual(before.filter(isAlive), []);
      assert.throws(() => pool.scale(-1), RangeError);
    } finally {
      assert.deepEqual(await pool.stop(), { killed: 0 });
    }
    assert.equal(pool.status().state, "stopped");
    await ended;
    const types = new Set(seen.map(({ type }) => type));
    for (
      const type of [
        "listening",
        "worker-ready",
        "pool-ready",
        "scaled",
        "reload-finished",
        "stopped",
      ] as const
    ) assert.ok(types.has(type), type);
  });

  test("await using leaves nothing behind", async () => {
    let pids: number[];
    {
      await using pool = new Pool({
        program: fixture("talks.ts"),
        listen: "127.0.0.1:0",
        workers: 2,
      });
      await pool.start();
      pids = pool.status().workers.map(({ pid }) => pid);
      assert.equal(pids.filter(isAlive).length, 2);
    }
    assert.deepEqual(pids.filter(isAlive), []);
  });

  test("a program that cannot boot rejects start and leaves nothing", async () => {
    const pool = new Pool({
      program: fixture("talks.ts"),
      listen: "127.0.0.1:0",
      runtime: "exec",
      workers: 2,
      output: "lines",
    });
    await assert.rejects(
      pool.start(),
      (error: { code?: string }) =>
        ["ERR_BOOT", "ERR_SPAWN"].includes(error.code!),
    );
    assert.equal(pool.status().ready, 0);
  });

  test("a reload that fails rejects, and the old workers go on serving", async () => {
    const broken = "TEST_BROKEN";
    await using pool = new Pool({
      program: fixture("breakable.ts"),
      listen: "127.0.0.1:0",
      workers: 2,
      soak: 0,
      probation: 0,
      output: "lines",
    });
    await pool.start();
    const { address } = pool.status().listeners[0]!;
    const pids = pool.status().workers.map(({ pid }) => pid);
    // A worker inherits the supervisor's environment as it is then.
    process.env[broken] = "1";
    try {
      await assert.rejects(pool.reload(), { code: "ERR_RELOAD" });
    } finally {
      delete process.env[broken];
    }
    assert.deepEqual(pool.status().workers.map(({ pid }) => pid), pids);
    assert.equal((await get(address)).status, 200);
    await pool.reload();
    assert.equal(pool.status().generation, 3);
  });

  test("messages of the user pass both ways", async () => {
    await using pool = new Pool({
      program: fixture("talks.ts"),
      listen: "127.0.0.1:0",
      workers: 2,
    });
    const events = follow(pool);
    await pool.start();
    assert.equal(pool.send({ ping: 7 }), 2);
    assert.equal(pool.send({ ping: 8 }, 1), 1);
    for (const [pong, slot] of [[7, 0], [7, 1], [8, 1]]) {
      await events.until((event) =>
        event.type === "worker-message" &&
        JSON.stringify(event.message) === JSON.stringify({ pong, slot })
      );
    }
  });

  for (const runtime of ["node", "deno", "bun"] as const) {
    for (const share of ["balanced", "shared"] as const) {
      test(`workers on ${runtime} that crash under load, ${share}, never stall the others`, async () => {
        await using pool = new Pool({
          program: fixture("talks.ts"),
          runtime,
          listen: "127.0.0.1:0",
          share,
          workers: 3,
          output: "lines",
          env: { PATH: `${binaries()}:${process.env["PATH"]}` },
        });
        const events = follow(pool);
        await pool.start();
        const { address } = pool.status().listeners[0]!;
        await using running = await load([
          { kind: "connect", address, loops: 8 },
        ]);
        for (let i = 0; i < 4; i++) {
          const victim = pool.status().workers.find(({ slot }) => slot === 0)!;
          process.kill(victim.pid, "SIGKILL");
          await events.until((event) =>
            event.type === "worker-exited" && event.pid === victim.pid
          );
          await pool.ready();
        }
        await running.stop();
        // Without a connection coming in, a worker whose event loop is stuck in
        // accept(2) would never answer.
        pool.send({ ping: 99 });
        for (const slot of [0, 1, 2]) {
          await events.until((event) =>
            event.type === "worker-message" &&
            JSON.stringify(event.message) === JSON.stringify({ pong: 99, slot })
          );
        }
      });
    }
  }
});

function binaries(): string {
  return new URL("../../node_modules/.bin", import.meta.url).pathname;
}
