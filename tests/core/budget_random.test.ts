/**
 * The budget in a disorderly world, checked at each step: no voluntary start
 * raises the living beyond `wanted + maxSurge`, nothing voluntary leaves fewer
 * than `wanted - maxUnavailable` slots with a ready worker, and recycling never
 * takes the only one. After each event the table's running counts are what is
 * counted anew, and a look at every slot finds nothing that it has overlooked.
 *
 * Runs once, under bun: the world is a seeded generator's, so that each engine
 * sees the same one.
 */
import assert from "node:assert/strict";
import type { PoolWorker } from "../../core/worker.ts";
import { test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";
import { Rig } from "./table_rig.ts";

const SIDES = [
  ...[[1, 0], [2, 0], [0, 1], [1, 1], [0, 2], [3, 2]],
  ...[["25%", "25%"], ["100%", 0], [0, "100%"], [0, "10%"]],
] as const;

/** Brings a worker one step further on a good day. */
function advance(rig: Rig, worker: PoolWorker): void {
  if (worker.state === "starting") rig.happen(worker, "ready");
  else if (worker.state !== "ready") rig.happen(worker, "exit");
  else {
    worker.proven = true;
    if (worker.generation === rig.reloadTo) rig.canary = false;
  }
}

function disturb(rig: Rig, random: Random): void {
  const { workers } = rig;
  const dice = random.next();
  if (workers.length === 0 || dice < 0.05) rig.wanted = random.whole(0, 6);
  else if (dice < 0.1) rig.startReload();
  else if (dice < 0.12 && rig.reloadTo !== undefined) rig.giveUp();
  else if (dice < 0.2) {
    const worker = random.pick(workers);
    if (worker.state === "ready") worker.spent ??= "it has served enough";
  } else if (dice < 0.25) {
    const slot = random.pick([...rig.table.slots.values()]);
    slot.wait = slot.waiting ? undefined : { [Symbol.dispose]: () => {} };
  } else if (dice < 0.8) advance(rig, random.pick(workers));
  else {
    const event = random.pick(["leaving", "kill", "exit", "overdue"] as const);
    rig.happen(random.pick(workers), event);
  }
}

test("over 10,000 schedules nothing voluntary breaks the budget", () => {
  forSeeds(10_000, (random) => {
    const [surge, missing] = random.pick(SIDES);
    const rig = new Rig(surge, missing);
    rig.story.push(`seed ${random.seed}, +${surge} -${missing}`);
    rig.wanted = random.whole(1, 6);
    rig.reconcile();
    for (let turn = 0; turn < 40; turn++) {
      disturb(rig, random);
      rig.reconcile();
    }
  });
});

test("whatever has happened, a reload and then a stop come to their end", () => {
  forSeeds(500, (random) => {
    const [surge, missing] = random.pick(SIDES);
    const rig = new Rig(surge, missing);
    rig.story.push(`seed ${random.seed}, +${surge} -${missing}`);
    rig.wanted = random.whole(1, 6);
    for (let turn = 0; turn < 60; turn++) {
      disturb(rig, random);
      rig.reconcile();
    }
    const calm = (isOver: () => boolean): void => {
      for (let turn = 0; !isOver(); turn++) {
        assert.ok(turn < 2_000, rig.says());
        for (const slot of rig.table.slots.values()) slot.wait = undefined;
        rig.reconcile();
        const busy = rig.workers.filter(({ state, proven }) =>
          state !== "ready" || !proven
        );
        if (busy.length > 0) advance(rig, random.pick(busy));
        rig.reconcile();
      }
    };
    rig.wanted = Math.max(1, rig.wanted);
    calm(() => rig.reloadTo === undefined);
    rig.startReload();
    calm(() => rig.reloadTo === undefined);
    for (const { slot, current } of rig.table.slots.values()) {
      if (slot >= rig.wanted) continue;
      assert.equal(current?.generation, rig.generation, rig.says());
    }
    rig.stopping = true;
    calm(() => rig.table.slots.size === 0);
  });
});
