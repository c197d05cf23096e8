/**
 * The rules of the pool in a disorderly world.
 *
 * Runs once, under bun: the world is a seeded generator's, so that each engine
 * sees the same one.
 */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { createRandom, forSeeds, type Random } from "../random.ts";
import { Model, type ModelWorker } from "./reconcile_model.ts";

/** Brings a worker one step further on a good day; false when it is done. */
function advance(worker: ModelWorker, model: Model): boolean {
  switch (worker.state) {
    case "starting":
      model.happen(worker, "ready");
      return true;
    case "ready":
      if (worker.proven) return false;
      worker.proven = true;
      return true;
    default:
      model.happen(worker, "exit");
      return true;
  }
}

/** Lets the world calm down: everything that is pending goes well. */
function calm(model: Model, random: Random): void {
  const limit = 50 + 40 * (model.wanted + model.workers.length);
  for (let i = 0;; i++) {
    assert.ok(i < limit, `no calm, seed ${random.seed}\n${model.says()}`);
    for (const place of model.places.values()) place.waiting = false;
    model.reconcile();
    const pending = model.workers.filter((worker) =>
      worker.state !== "ready" || !worker.proven
    );
    if (pending.length === 0) break;
    advance(random.pick(pending), model);
  }
}

/** Something happens, good or bad. */
function disturb(model: Model, random: Random): void {
  const { workers } = model;
  const dice = random.next();
  if (workers.length === 0 || dice < 0.05) model.wanted = random.whole(0, 6);
  else if (dice < 0.1) model.startReload();
  else if (dice < 0.15) {
    const place = random.pick([...model.places.values()]);
    place.waiting = place.current === undefined && random.chance(0.5);
  } else if (dice < 0.6) advance(random.pick(workers), model);
  else {
    const worker = random.pick(workers);
    model.happen(
      worker,
      random.pick(["leaving", "kill", "overdue", "exit"] as const),
    );
    // A slot whose worker has crashed may have to wait.
    if (worker.state === "gone") worker.place.waiting = random.chance(0.3);
  }
}

function assertSettled(model: Model, generation: number, seed: number): void {
  const rows = [...model.places.values()].map(({ current, next, former }) =>
    `${current?.state} ${current?.generation} ${next?.state} ${former.size}`
  );
  const row = `ready ${generation} undefined 0`;
  assert.deepEqual(
    rows,
    Array(model.wanted).fill(row),
    `seed ${seed}\n${model.says()}`,
  );
  assert.equal(model.reloadTo, undefined);
}

test("after any disorder a reload ends with the wanted workers, all new", () => {
  forSeeds(60, (random) => {
    const model = new Model(random.whole(1, 2));
    model.wanted = random.whole(1, 6);
    for (let turn = 0; turn < 400; turn++) {
      disturb(model, random);
      model.reconcile();
      if (turn % 100 !== 99) continue;
      calm(model, random);
      model.startReload();
      const generation = model.reloadTo!;
      calm(model, random);
      assertSettled(model, generation, random.seed);
    }
  });
});

test("after any disorder a stop empties the pool, whoever is in which state", () => {
  forSeeds(200, (random) => {
    const model = new Model(1);
    model.wanted = random.whole(1, 6);
    for (let turn = 0; turn < 60; turn++) {
      disturb(model, random);
      model.reconcile();
    }
    model.stopping = true;
    model.reconcile();
    const active = model.workers.filter(({ state }) =>
      state === "starting" || state === "ready"
    );
    assert.equal(active.length, 0, `seed ${random.seed}\n${model.says()}`);
    calm(model, random);
    assert.equal(model.places.size, 0, `seed ${random.seed}`);
  });
});

test("a reload that goes well never has more than the surge nor a slot unserved", () => {
  forSeeds(300, (random) => {
    const model = new Model(random.whole(1, 3));
    model.wanted = random.whole(1, 6);
    calm(model, random);
    model.startReload();
    for (let turn = 0; model.reloadTo !== undefined; turn++) {
      model.reconcile();
      const seed = `seed ${random.seed}, turn ${turn}\n${model.says()}`;
      assert.ok(turn < 200, seed);
      assert.ok(model.workers.length <= model.wanted + model.maxSurge, seed);
      for (const { current } of model.places.values()) {
        assert.equal(current?.state, "ready", seed);
      }
      const busy = model.workers.filter((one) =>
        one.state !== "ready" || !one.proven
      );
      if (busy.length > 0) advance(random.pick(busy), model);
    }
    assertSettled(model, model.generation, random.seed);
  });
});

test("a reload that is given up half way leaves every slot served", () => {
  forSeeds(300, (random) => {
    const model = new Model(1);
    model.wanted = random.whole(1, 6);
    calm(model, random);
    model.startReload();
    for (let turn = random.whole(0, 30); turn > 0; turn--) {
      model.reconcile();
      const busy = model.workers.filter((one) =>
        one.state !== "ready" || !one.proven
      );
      if (busy.length > 0) advance(random.pick(busy), model);
    }
    if (model.reloadTo !== undefined) model.giveUp();
    model.reconcile();
    for (const { current } of model.places.values()) {
      assert.equal(current?.state, "ready", `seed ${random.seed}`);
    }
    calm(model, random);
    assert.equal(model.workers.length, model.wanted, `seed ${random.seed}`);
  });
});

test("the same seed tells the same story", () => {
  const story = (): string => {
    const random = createRandom(7);
    const model = new Model(1);
    model.wanted = 3;
    for (let turn = 0; turn < 100; turn++) {
      disturb(model, random);
      model.reconcile();
    }
    return model.story.join("\n");
  };
  assert.equal(story(), story());
});
