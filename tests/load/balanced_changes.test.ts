/**
 * Workers of a `balanced` pool that die, come and go while connections are
 * passed on between them.
 */
import assert from "node:assert/strict";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fixture, isAlive, until } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { createRandom } from "../random.ts";
import { load } from "../strict_client.ts";
import { crowd, evenOut, size } from "./crowd.ts";
import {
  CLIENTS_STAY,
  passes,
  sum,
  watchedPool,
  WORKERS,
} from "./watched_pool.ts";

const PROGRAM = fixture("crowded.ts");

const LINUX: string | false = process.platform !== "linux" &&
  "what a process holds is read from /proc";

const dir = mkdtempSync(join(tmpdir(), "prefork-changes-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** The ports of the clients whose connection a process has open. */
function portsHeldBy(pid: number): Set<number> {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(pid, fd)) ?? [];
    if (inode !== undefined) inodes.add(inode);
  }
  const ports = new Set<number>();
  // proc_pid_net(5): the third column is the peer's address, the tenth the inode.
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n")) {
    const columns = line.trim().split(/\s+/);
    if (!inodes.has(columns[9] ?? "")) continue;
    ports.add(parseInt(columns[2]!.split(":")[1]!, 16));
  }
  return ports;
}

/** What a file descriptor of a process is; nothing once it is closed. */
function linkOf(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return "";
  }
}

/** Resolves once a stopped process does nothing any more. */
function stopped(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  return until(
    () => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, "utf8")),
    `${pid} stands still`,
  );
}

describe("in balanced", () => {
  test("what is on its way to a worker that dies goes to another one, once", {
    skip: LINUX,
  }, async () => {
    await using pool = await watchedPool({
      ...CLIENTS_STAY,
      program: PROGRAM,
      runtime: "node",
      workers: 3,
    });
    await using clients = await crowd(pool.address);
    for (let death = 0; death < 4; death++) {
      await clients.come(90);
      const [victim] = await pool.serving();
      const { pid } = victim!;
      // All others are told to pass on, and to whom.
      await clients.leave([pid]);
      await until(
        async () => (await pool.serving())[0]!.connections === 0,
        "the status shows that it has none",
      );
      const before = await clients.look();
      await stopped(pid);
      const burst = clients.come(60);
      // Every second time it dies in the middle of the burst.
      if (death % 2 === 0) await burst;
      process.kill(pid, "SIGKILL");
      const seen = await burst;
      const text = JSON.stringify(seen);
      assert.deepEqual(seen.failed, [], text);
      assert.deepEqual([seen.moved, seen.extra], [0, 0], text);
      assert.equal(seen.open[pid], undefined, text);
      assert.equal(size(seen), size(before) + 60);
      assert.equal((await clients.ask()).failed.length, 0);
      await until(
        async () =>
          (await pool.serving()).filter((one) => one.pid !== pid).length === 3,
        "a successor serves",
      );
    }
    assert.ok(sum(await pool.serving(), (one) => one.passedOn) > 0);
  });

  for (const [where, runtime] of Object.entries(WORKERS)) {
    test(`kill -9 of a worker ${where} at any moment breaks only what it had`, {
      skip: LINUX,
      timeout: 120_000,
    }, async () => {
      const random = createRandom(4);
      await using pool = await watchedPool({
        ...CLIENTS_STAY,
        program: PROGRAM,
        runtime,
        workers: 4,
      });
      await using clients = await crowd(pool.address);
      let passed = 0;
      for (let death = 0; death < 12; death++) {
        await until(
          async () => (await pool.serving()).length === 4,
          "four workers serve",
        );
        const workers = await pool.serving();
        // A successor has no connections: the others pass theirs on to it.
        const { pid } = random.pick(workers);
        const known = (await clients.look()).failed.length;
        const burst = clients.come(80);
        // What fails before it is waited for says more.
        burst.catch(() => {});
        await pause(random.whole(0, 25));
        await stopped(pid);
        await pause(random.whole(0, 10));
        // What it said before it was stopped has been heard.
        await pool.status();
        await pool.status();
        const held = portsHeldBy(pid);
        const copies = portsHeldBy(pool.command.pid);
        passed += sum(await pool.serving(), ({ passedOn }) => passedOn);
        process.kill(pid, "SIGKILL");
        const seen = await burst;
        for (const { port, why } of seen.failed.slice(known)) {
          const text = `death ${death}: ${port} lost, ${why}`;
          assert.ok(held.has(port!), text);
          assert.ok(!copies.has(port!), `${text}, though it was passed on`);
        }
        assert.deepEqual([seen.moved, seen.extra], [0, 0]);
        await until(
          async () => !(await pool.serving()).some((one) => one.pid === pid),
          "it is gone",
        );
      }
      assert.equal(passed > 50, passes(runtime), `${passed} passed on`);
      const lost = (await clients.look()).failed.length;
      assert.equal((await clients.ask()).failed.length, lost);
    });
  }

  for (const [where, runtime] of Object.entries(WORKERS)) {
    test(
      `workers ${where} leave when the supervisor dies before it has answered`,
      {
        skip: LINUX,
      },
      async () => {
        await using pool = await watchedPool({
          ...CLIENTS_STAY,
          program: PROGRAM,
          runtime,
          workers: 3,
        });
        await using clients = await crowd(pool.address);
        await clients.come(90);
        const pids = (await pool.serving()).map(({ pid }) => pid);
        try {
          await clients.leave(pids.slice(0, 1));
          await stopped(pool.command.pid);
          // Some of them are to be passed on, and nobody says a word to that.
          const seen = await clients.come(60, { apart: 1 });
          assert.deepEqual(seen.failed, []);
          pool.command.signal("SIGKILL");
          await until(() => !pids.some(isAlive), "no worker is left", 5_000);
        } finally {
          for (const pid of pids.filter(isAlive)) process.kill(pid, "SIGKILL");
        }
      },
    );
  }

  for (
    const [where, runtime] of [
      ["TCP", "node"],
      ["a Unix socket", WORKERS["on another runtime"]!],
    ] as const
  ) {
    test(
      `over ${where}, scaling up and down and a reload in bursts of connections lose nothing`,
      {
        timeout: 120_000,
      },
      async () => {
        await using pool = await watchedPool({
          ...CLIENTS_STAY,
          program: PROGRAM,
          runtime,
          workers: 3,
          ...(where !== "TCP" && { listen: `unix:${dir}/s` }),
        });
        await using running = await load([
          { kind: "connect", address: pool.address, loops: 2 },
          { kind: "keepalive", address: pool.address, loops: 4 },
        ]);
        await using clients = await crowd(pool.address);
        let over = false;
        let bursts = 0;
        const changes = (async () => {
          for (const count of [6, 2, 5]) {
            await pool.scale(count);
            await pool.reload();
          }
        })().finally(() => over = true);
        while (!over) {
          const seen = await clients.come(50);
          assert.deepEqual([seen.failed, seen.moved, seen.extra], [[], 0, 0]);
          if (++bursts % 3 === 0) await clients.leave();
        }
        await changes;
        assert.ok(bursts > 6, `${bursts} bursts`);
        const report = await running.stop();
        assert.deepEqual([report.failed, report.cut], [[], []]);
        await clients.leave();
        const seen = await evenOut(clients, 5, 1.15);
        assert.deepEqual([seen.failed, seen.moved, seen.extra], [[], 0, 0]);
        await pool.stop();
      },
    );
  }
});
