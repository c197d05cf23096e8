import assert from "node:assert/strict";
import type {
  PoolView,
  SlotView,
  WorkerView,
} from "../../core/supervise/reconcile.ts";
import type { WorkerState } from "../../core/supervise/state.ts";
import { describe, test } from "../harness.ts";
import { planAll } from "./plan_all.ts";

/** `old` is of generation 1, `new` of 2; `proven` unless said otherwise. */
const worker = (
  state: WorkerState,
  generation = 1,
  proven = state === "ready",
): WorkerView => ({ state, generation, proven });

const READY = worker("ready");
const STARTING = worker("starting");
const DRAINING = worker("draining");
const KILLED = worker("killed");
const VACATED = { leaving: 1, vacated: true };
const NEW_READY = worker("ready", 2);
const NEW_STARTING = worker("starting", 2);
const NEW_UNPROVEN = worker("ready", 2, false);

/** Slots by number, from what is special about them. */
const slots = (...given: readonly Partial<SlotView>[]): readonly SlotView[] =>
  given.map((one, slot) => ({
    slot,
    current: undefined,
    next: undefined,
    leaving: 0,
    waiting: false,
    vacated: false,
    ...one,
  }));

const says = (
  given: readonly Partial<SlotView>[],
  pool: Partial<PoolView> = {},
): string =>
  [...planAll(slots(...given), {
    wanted: given.length,
    reloadTo: undefined,
    canary: false,
    stopping: false,
    maxSurge: 1,
    maxUnavailable: 0,
    ...pool,
  })].sort((a, b) => a.slot - b.slot)
    .map((step) => `${step.do} ${step.slot}`).join(", ");

const reload: Partial<PoolView> = { reloadTo: 2 };

describe("filling", () => {
  test("every empty slot gets a worker", () => {
    assert.equal(says([{}, {}, {}]), "spawn 0, spawn 1, spawn 2");
  });
  test("a slot that waits gets none yet", () => {
    assert.equal(says([{ waiting: true }, {}]), "spawn 1");
  });
  test("a slot with a worker needs nothing", () => {
    assert.equal(says([{ current: READY }, { current: STARTING }]), "");
  });
  test("a worker that leaves on its own is replaced at once", () => {
    assert.equal(says([{ current: DRAINING }]), "spawn 0");
  });
  test("one that leaves on its own waits with its slot", () => {
    assert.equal(says([{ current: DRAINING, waiting: true }]), "");
  });
  test("a killed worker is replaced when it is gone", () => {
    assert.equal(says([{ current: KILLED }]), "");
    assert.equal(says([{}]), "spawn 0");
  });
  test("after a crash former workers that still drain are in nobody's way", () => {
    assert.equal(says([{ leaving: 3 }]), "spawn 0");
  });
  test("after an own act they take the place of the surge", () => {
    assert.equal(says([{ ...VACATED, leaving: 1 }]), "spawn 0");
    assert.equal(says([{ ...VACATED, leaving: 2 }]), "");
    const more = { maxSurge: 2 };
    assert.equal(says([{ ...VACATED, leaving: 2 }], more), "spawn 0");
  });
});

describe("scaling down and stopping", () => {
  for (const stopping of [true, false]) {
    const pool = { stopping, wanted: stopping ? 1 : 0, reloadTo: 2 };
    const empties = (view: Partial<SlotView>): string => says([view], pool);
    const how = stopping ? "stopping" : "beyond what is wanted";

    test(`a worker drains once, ${how}`, () => {
      assert.equal(empties({ current: READY }), "drain 0");
      assert.equal(empties({ current: STARTING }), "drain 0");
      assert.equal(empties({ current: DRAINING }), "");
      assert.equal(empties({ current: KILLED }), "");
    });
    test(`so does the one that was to take over, ${how}`, () => {
      assert.equal(empties({ current: READY, next: NEW_READY }), "drain 0");
      assert.equal(empties({ current: DRAINING, next: STARTING }), "drain 0");
      assert.equal(empties({ next: NEW_STARTING }), "drain 0");
    });
    test(`an empty slot is forgotten, ${how}`, () => {
      assert.equal(empties({}), "forget 0");
      assert.equal(empties({ waiting: true }), "forget 0");
      assert.equal(empties({ leaving: 1 }), "");
    });
  }

  test("who serves stays until as many others do as are wanted", () => {
    const pool = [{ current: STARTING }, {}, { current: READY }];
    assert.equal(says(pool, { wanted: 1 }), "forget 1");
    const missing = { wanted: 1, maxUnavailable: 1 };
    assert.equal(says(pool, missing), "forget 1, drain 2");
    assert.equal(says(pool, { wanted: 0 }), "drain 0, forget 1, drain 2");
    assert.equal(
      says([{ current: READY }, {}, { current: READY }], { wanted: 1 }),
      "forget 1, drain 2",
    );
  });
  test("only the slots beyond are emptied", () => {
    const pool = [{ current: READY }, { current: READY }, { current: READY }];
    assert.equal(says(pool, { wanted: 1 }), "drain 1, drain 2");
  });
});

describe("reloading", () => {
  const old = { current: READY };

  test("one slot is replaced at a time", () => {
    assert.equal(says([old, old, old], reload), "replace 0");
  });
  test("a bigger surge replaces more at a time, and none replaces none", () => {
    const more = { ...reload, maxSurge: 2 };
    assert.equal(says([old, old, old], more), "replace 0, replace 1");
    assert.equal(says([old, old], { ...reload, maxSurge: 0 }), "");
  });
  test("without a surge the old worker leaves first", () => {
    const inPlace = { ...reload, maxSurge: 0, maxUnavailable: 1 };
    assert.equal(says([old, old, old], inPlace), "vacate 0");
    assert.equal(says([VACATED, old, old], inPlace), "");
    assert.equal(says([{}, old, old], inPlace), "spawn 0");
    assert.equal(says([{ current: NEW_STARTING }, old, old], inPlace), "");
    assert.equal(
      says([{ current: NEW_READY }, old, old], inPlace),
      "vacate 1",
    );
  });
  test("both sides of the budget are used at once, the surge first", () => {
    const both = { ...reload, maxSurge: 1, maxUnavailable: 1 };
    assert.equal(says([old, old, old], both), "replace 0, vacate 1");
    const next = NEW_STARTING;
    assert.equal(says([{ ...old, next }, VACATED, old], both), "");
  });
  test("a slot that has nobody goes before one that is to be replaced", () => {
    const more = { ...reload, maxSurge: 2 };
    const waits = { leaving: 1, waiting: true };
    assert.equal(says([old, waits, old], more), "replace 0");
    assert.equal(says([old, VACATED, old], more), "replace 0, spawn 1");
    assert.equal(says([old, VACATED, old], reload), "spawn 1");
  });
  test("the first worker of a new generation is alone", () => {
    const first = { ...reload, maxSurge: 3, maxUnavailable: 2, canary: true };
    assert.equal(says([old, old, old], first), "replace 0");
    const next = NEW_UNPROVEN;
    assert.equal(says([{ ...old, next }, old, old], first), "");
    assert.equal(says([old, { current: NEW_STARTING }, old], first), "");
    assert.equal(
      says([old, old], { ...first, maxSurge: 0, maxUnavailable: 2 }),
      "vacate 0",
    );
    assert.equal(says([VACATED, old], { ...first, maxSurge: 0 }), "");
  });
  test("nobody is promoted before being ready and proven", () => {
    for (const next of [NEW_STARTING, NEW_UNPROVEN]) {
      assert.equal(says([{ ...old, next }, old], reload), "");
    }
    assert.equal(says([{ ...old, next: NEW_READY }, old], reload), "promote 0");
  });
  test("the next slot's turn comes when the one before is gone", () => {
    const promoted = { current: NEW_READY, leaving: 1 };
    assert.equal(says([promoted, old], reload), "");
    assert.equal(says([{ ...promoted, leaving: 0 }, old], reload), "replace 1");
  });
  test("when the old worker has died, the new one has the slot at once", () => {
    for (const next of [NEW_STARTING, NEW_UNPROVEN, NEW_READY]) {
      assert.equal(says([{ next }], reload), "promote 0");
      assert.equal(says([{ current: DRAINING, next }], reload), "promote 0");
      assert.equal(says([{ current: KILLED, next }], reload), "promote 0");
    }
  });
  test("a worker of the new generation is not replaced", () => {
    assert.equal(says([{ current: NEW_READY }, old], reload), "replace 1");
    assert.equal(says([{ current: NEW_STARTING }], reload), "");
  });
  test("an old worker that is not ready is replaced too", () => {
    assert.equal(says([{ current: STARTING }], reload), "replace 0");
  });
  test("one that is killed anyway is not replaced but filled in later", () => {
    assert.equal(says([{ current: KILLED }], reload), "");
  });
  test("workers of slots that are scaled down count until they are gone", () => {
    const pool = { ...reload, wanted: 1 };
    assert.equal(says([old, { current: DRAINING }], pool), "");
    assert.equal(says([old, { leaving: 1 }], pool), "");
    assert.equal(says([old, {}], pool), "replace 0, forget 1");
  });
  test("without a reload an older generation stays", () => {
    assert.equal(says([old]), "");
    assert.equal(says([{ ...old, next: NEW_STARTING }]), "");
  });
});
