import assert from "node:assert/strict";
import { Ledger, queuedAt } from "../../core/balance/receipt.ts";
import type { ShareMode } from "../../core/adapter.ts";
import { test } from "../harness.ts";
import { score } from "./passing_scene.ts";
import { running, settle } from "./world.ts";

test("what was open is cut with a worker that crashed, and finished by one that left", () => {
  const ledger = new Ledger();
  const worker = { accepted: 10, open: 3, passedOn: 2, redispatched: 1 };
  ledger.close(1, worker, true);
  ledger.close(1, worker, false);
  const [old, fresh] = ledger.receipts([[2, worker], [2, worker]]);
  assert.deepEqual(old, {
    generation: 1,
    accepted: 20,
    finished: 17,
    cut: 3,
    passedOn: 4,
    redispatched: 2,
  });
  assert.deepEqual([fresh!.generation, fresh!.finished, fresh!.cut], [
    2,
    14,
    0,
  ]);
  ledger.keep(2);
  assert.deepEqual(ledger.receipts([]), []);
});

test("what is not known of one worker is not known of its generation", () => {
  const ledger = new Ledger();
  const known = { accepted: 10, open: 0, passedOn: 2, redispatched: 1 };
  const unknown = { ...known, accepted: undefined, open: undefined };
  ledger.close(1, known, true);
  ledger.close(1, unknown, true);
  const [receipt] = ledger.receipts([]);
  assert.equal(receipt!.accepted, undefined);
  assert.equal(receipt!.finished, undefined);
  assert.equal(receipt!.cut, undefined);
  assert.equal(receipt!.passedOn, 4);
});

test("in balanced each generation has its own, in shared nobody counts", async () => {
  for (const share of ["balanced", "shared"] as const) {
    const { world, pool, all } = await running({
      share,
      workers: 1,
      soak: 0,
    });
    world.onSpawn = () => {};
    const reload = pool.reload();
    await settle();
    const [old, fresh] = world.processes;
    if (share === "balanced") {
      score(old!, { accepted: 7, open: 2, passedOn: 3 });
      score(fresh!, { accepted: 4, open: 1 });
    }
    fresh!.getReady();
    old!.exit();
    await reload;
    await settle();
    const told = all("reload-receipt").map(({ type: _, ...receipt }) =>
      receipt
    );
    assert.deepEqual(pool.status().reload!.receipts, told);
    if (share === "shared") assert.deepEqual(told, []);
    else {
      const [one, two] = told;
      assert.deepEqual([one!.generation, one!.accepted, one!.finished], [
        1,
        7,
        7,
      ]);
      assert.deepEqual([one!.cut, one!.passedOn], [0, 3]);
      assert.deepEqual([two!.generation, two!.accepted, two!.finished], [
        2,
        4,
        3,
      ]);
    }
  }
});

test("what waits to be accepted is read from the kernel, of the sockets that listen", async () => {
  const made = await running({ listen: ["127.0.0.1:0", "unix:/run/a"] });
  const { world, pool } = made;
  const ends = async (): Promise<unknown> => {
    const reload = pool.reload();
    for (let i = 0; i < 5; i++) {
      await settle();
      for (const each of world.alive) if (each.wasTold("drain")) each.exit();
      world.advance(1_000);
    }
    await reload;
    await settle();
    const event = made.all("reload-finished").at(-1)!;
    assert.equal(event.inQueue, pool.status().reload?.inQueue);
    return event.inQueue;
  };
  assert.equal(await ends(), 0);
  world.queued.set("any", 3);
  assert.equal(await ends(), 6);
  const sockets = [{ fd: 1 }, { fd: 2 }] as never;
  const at = (mode: ShareMode, queued: (fd: number) => number | undefined) =>
    queuedAt([{ mode, sockets }], { queued });
  assert.equal(at("sharded", (fd) => fd === 1 ? 4 : undefined), 4);
  assert.equal(at("shared", () => undefined), undefined);
  assert.equal(at("reuseport", () => 1), undefined);
});
