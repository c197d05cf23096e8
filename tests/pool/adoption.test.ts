import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fixture, LOCAL, prefork, ready, readyPidOf } from "../command.ts";
import { afterAll, describe, test } from "../harness.ts";
import { distinct, get } from "../http.ts";
import { RUNTIMES } from "../runtimes.ts";

const dir = mkdtempSync(join(tmpdir(), "prefork-adoption-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const skip = process.platform === "linux"
  ? false
  : "SO_REUSEPORT balances on Linux only";

/** So many that every shard gets some: the kernel hashes the client's port. */
async function answers(address: string, count: number): Promise<Set<string>> {
  const slots = new Set<string>();
  for (let i = 0; i < count; i += 20) {
    const some = await Promise.all(
      Array.from({ length: 20 }, () => get(address)),
    );
    for (const { status, body } of some) {
      assert.equal(status, 200);
      slots.add(body);
    }
  }
  return slots;
}

describe("a shard without a worker is no black hole", () => {
  for (const runtime of RUNTIMES) {
    test(
      `kill -9 of one of three workers on ${runtime}: all is answered before its successor is up`,
      {
        skip,
      },
      async () => {
        const hold = join(dir, `hold-${runtime}`);
        await using command = prefork([
          "-w",
          "3",
          "-r",
          runtime,
          "-s",
          "sharded",
          ...LOCAL,
          fixture("held.ts"),
        ], { env: { HOLD_FILE: hold } });
        const { listen } = await ready(command);
        await distinct(listen!, 3);
        // Twice: what was adopted once and given back can be adopted again.
        for (let from = 0, death = 1; death <= 2; death++) {
          writeFileSync(hold, "");
          const [, pid] = await command.line(
            /worker-ready slot=1 .*pid=(\d+)/,
            from,
          );
          from = command.lines.length;
          process.kill(Number(pid), "SIGKILL");
          await command.line(/^prefork shard-adopted .*shard=1$/, from);
          // The successor cannot become ready while the file is there.
          const slots = await answers(listen!, 300);
          assert.deepEqual([...slots].sort(), ["0", "2"]);
          rmSync(hold);
          await command.line(/^prefork shard-released .*shard=1$/, from);
        }
        await distinct(listen!, 3);
      },
    );
  }

  test("the shards of workers that are scaled away stay adopted", {
    skip,
  }, async () => {
    await using command = prefork([
      "-w",
      "3",
      "-s",
      "sharded",
      ...LOCAL,
      fixture("pid.ts"),
    ]);
    const { listen } = await ready(command);
    for (const slot of [2, 1]) {
      command.signal("SIGTTOU");
      await command.line(new RegExp(`^prefork worker-exited slot=${slot} `));
    }
    const bodies = await answers(listen!, 200);
    assert.deepEqual([...bodies], [`pid ${readyPidOf(command, 0)}`]);
    command.signal("SIGTTIN");
    await command.line(/^prefork shard-released .*shard=1$/);
    await distinct(listen!, 2);
  });
});
