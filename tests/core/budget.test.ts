import { SlotTable } from "../../core/supervise/slot_table.ts";
import assert from "node:assert/strict";
import { checkBudget, marginsOf } from "../../core/options/budget.ts";
import type { Portion } from "../../core/options/budget.ts";
import { describe, test } from "../harness.ts";
import { running, settle } from "./world.ts";

const margins = (
  maxSurge: Portion,
  maxUnavailable: Portion,
  wanted: number,
): string => {
  const made = marginsOf({ maxSurge, maxUnavailable }, wanted);
  return `+${made.maxSurge} -${made.maxUnavailable}`;
};

describe("the budget", () => {
  test("of a percentage the surge is rounded up, the unavailable down", () => {
    assert.equal(margins("25%", "25%", 1), "+1 -0");
    assert.equal(margins("25%", "25%", 4), "+1 -1");
    assert.equal(margins("25%", "25%", 10), "+3 -2");
    assert.equal(margins("100%", "0%", 7), "+7 -0");
  });
  test("numbers are taken as they are", () => {
    assert.equal(margins(3, 2, 1), "+3 -2");
  });
  test("where rounding leaves nothing, one may be missing", () => {
    assert.equal(margins(0, "10%", 4), "+0 -1");
    assert.equal(margins("0%", "50%", 1), "+0 -1");
  });
  test("both 0 is refused with the way out", () => {
    for (const zero of [0, "0%", "00%"]) {
      assert.throws(() => checkBudget(zero, 0), {
        name: "RangeError",
        message: /both 0, .* give one of them 1 or more/,
      });
    }
  });
  for (const bad of [-1, 1.5, 1025, NaN, "101%", "5", "1.5%", "%", "", null]) {
    test(`${JSON.stringify(bad)} is refused as the ${String(bad)} it is`, () => {
      const error = { name: "RangeError", message: /"0%" to "100%"/ };
      assert.throws(() => checkBudget(bad, 1), error);
      assert.throws(() => checkBudget(1, bad), error);
    });
  }
});

const slotsOf = (
  processes: readonly { readonly env: Readonly<Record<string, string>> }[],
): string => processes.map(({ env }) => env["PREFORK_SLOT"]).join(",");

describe("a reload", () => {
  test("without a surge has a worker leave before its successor starts", async () => {
    const { world, pool } = await running({
      workers: 2,
      maxSurge: 0,
      maxUnavailable: 1,
      soak: 0,
    });
    const reload = pool.reload();
    for (const slot of [0, 1]) {
      await settle();
      assert.equal(slotsOf(world.alive), slot === 0 ? "0,1" : "1,0");
      assert.equal(world.alive[0]!.wasTold("drain"), true);
      assert.equal(world.alive[1]!.wasTold("drain"), false);
      world.alive[0]!.exit();
      await settle();
    }
    await reload;
    assert.equal(pool.status().ready, 2);
    assert.equal(world.processes.length, 4);
  });

  test("with a bigger surge begins with one worker all the same", async () => {
    const { world, pool } = await running({ workers: 4, maxSurge: "50%" });
    const reload = pool.reload();
    await settle();
    assert.equal(slotsOf(world.alive), "0,1,2,3,0");
    world.advance(1_000);
    await settle();
    assert.equal(slotsOf(world.alive), "0,1,2,3,0,1");
    for (let i = 0; i < 4; i++) {
      world.alive.find((one) => one.wasTold("drain"))!.exit();
      await settle();
      assert.ok(world.alive.length <= 6);
    }
    await reload;
  });
});

test("a scale down leaves who serves until the others do", async () => {
  const { world, pool } = await running({ workers: 2 });
  world.onSpawn = () => {};
  world.processes[0]!.exit({ code: 1 });
  pool.scale(1);
  await settle();
  assert.equal(slotsOf(world.alive), "1,0");
  assert.equal(world.processes[1]!.wasTold("drain"), false);
  world.processes[2]!.getReady();
  await settle();
  assert.equal(world.processes[1]!.wasTold("drain"), true);
});

test("what happens to a slot after it was forgotten asks for nothing", () => {
  const table = new SlotTable(() => {});
  const aim = (wanted: number): void =>
    table.aim({
      wanted,
      reloadTo: undefined,
      undoing: undefined,
      canary: false,
      stopping: false,
      maxSurge: 1,
      maxUnavailable: 0,
    });
  aim(1);
  const slot = table.slots.get(0)!;
  aim(0);
  assert.deepEqual(table.next(), { do: "forget", slot: 0 });
  table.forget(slot);
  slot.vacated = true;
  assert.equal(table.next(), undefined);
});
