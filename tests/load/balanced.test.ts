/**
 * What `balanced` promises: connections are spread evenly, whoever hangs, and
 * none is lost or answered twice. With a supervisor that stands still, and with
 * workers on several runtimes, it is in balanced_mixed.test.ts.
 */
import assert from "node:assert/strict";
import { fixture, until } from "../command.ts";
import { describe, test } from "../harness.ts";
import { patience } from "../pace.ts";
import { ownRuntime } from "../runtimes.ts";
import { assertWhole, crowd, evenOut, size } from "./crowd.ts";
import { CLIENTS_STAY, sum, watchedPool, WORKERS } from "./watched_pool.ts";

const PROGRAM = fixture("crowded.ts");

describe("balanced", () => {
  for (
    const { where, runtime, share } of [
      ...Object.entries(WORKERS).map(([where, runtime]) => ({
        ...{ where, runtime, share: "balanced" as const },
      })),
      // Idle ones help there in a burst, and who does counts it once.
      { where: "with shards", runtime: ownRuntime, share: "sharded" as const },
    ]
  ) {
    // More than 1,024 descriptors for a worker of each runtime; how even they
    // are, and that the status adds up, a thousand show as well.
    const isLarge = runtime === ownRuntime && share === "balanced";
    const many = isLarge ? 5000 : 1000;

    test(
      `many connections of one client are spread over four workers ${where}, and the status adds up`,
      {
        timeout: 120_000,
      },
      async () => {
        await using pool = await watchedPool({
          ...CLIENTS_STAY,
          program: PROGRAM,
          runtime,
          share,
          workers: 4,
        });
        const { steering } = await pool.status();
        // The hash is not even, and nobody counts.
        if (share === "sharded" && steering?.by !== "ebpf") return;
        await using clients = await crowd(pool.address);
        assertWhole(await clients.come(many, { together: 16 }), many);
        // A machine that is busy with something else makes them uneven for a
        // moment, and the next ones make up for it. By the kernel a worker that
        // is busy gets less for as long as it is; how even shards are is in
        // tests/pool/steer.test.ts.
        const seen = share === "sharded"
          ? await clients.look()
          : await evenOut(clients, 4, 1.15);
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

  for (const [where, runtime] of Object.entries(WORKERS)) {
    test(`a worker ${where} that hangs delays nobody, and makes up for it afterwards`, async () => {
      await using pool = await watchedPool({
        ...CLIENTS_STAY,
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
});
