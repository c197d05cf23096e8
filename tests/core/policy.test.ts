import assert from "node:assert/strict";
import {
  fairRecent,
  leanOf,
  leastLoaded,
  limitOf,
  type Score,
  shareOf,
  SLACK_MS,
} from "../../core/balance/policy.ts";
import { test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";

const idle: Score = { open: 0, busy: 0, ended: 0, recent: 0, weight: 1 };

function holding(...open: number[]): Score[] {
  return open.map((open) => ({ ...idle, open }));
}

/** Any state of a pool, whatever it came from. */
function anyPool(random: Random, weights: readonly number[]): Score[] {
  return Array.from({ length: random.whole(2, 12) }, () => ({
    open: random.whole(0, random.pick([1, 10, 1000])),
    busy: random.pick([0, 1, random.next()]),
    ended: random.pick([0, random.next() * 1000]),
    recent: random.next() * random.pick([1, 100, 10_000]),
    weight: random.pick(weights),
  }));
}

function limits(pool: readonly Score[]): number[] {
  return pool.map((own) => limitOf(own, pool.filter((each) => each !== own)));
}

test("a worker alone never lets others go first", () => {
  assert.equal(limitOf({ ...idle, open: 5000, busy: 1 }, []), Infinity);
});

test("in an idle pool one connection more than the least loaded is enough", () => {
  const [own, ...others] = holding(3, 7, 4);
  assert.equal(limitOf(own!, others), 5);
});

test("an excess that ends within the slack is left alone", () => {
  const [own, ...others] = holding(3, 7, 4);
  const ended = 3000 / SLACK_MS;
  assert.equal(limitOf({ ...own!, ended }, others), 5 + 3);
});

test("where the kernel picks a light worker may have its part of what comes", () => {
  const heavy: Score[] = [90, 110, 100].map((recent) => ({ ...idle, recent }));
  const light = { ...idle, weight: 0.1, recent: 7 };
  assert.equal(shareOf(light, heavy), 3);
  assert.equal(shareOf({ ...light, recent: 12 }, heavy), -2);
  // Whatever a light one has had is nothing to those that have the rest.
  assert.equal(shareOf(heavy[0]!, [...heavy.slice(1), light]), Infinity);
  assert.equal(shareOf({ ...light, weight: 1 }, heavy), Infinity);
  assert.equal(shareOf(light, []), Infinity);
  // Nor does a light one that idles make the others busier than they are.
  const busy = heavy.map((each) => ({ ...each, open: 100, busy: 0.9 }));
  assert.equal(leanOf(busy[0]!, [...busy.slice(1), light], 100), 0);
});

test("there is always one that may take a connection", () => {
  forSeeds(2000, (random) => {
    for (const weights of [[1], [1, 0.158], [3, 1, 0.5]]) {
      const pool = anyPool(random, weights);
      const all = limits(pool);
      assert.ok(
        pool.some(({ open }, i) => open + 1 <= all[i]!),
        `seed ${random.seed}: ${JSON.stringify(pool)}`,
      );
    }
  });
});

test("whoever is busier than the others may hold less", () => {
  const pool = [
    { ...idle, open: 20, busy: 0.7 },
    { ...idle, open: 20, busy: 0.5 },
    { ...idle, open: 20, busy: 0.3 },
  ];
  const [busy, , quiet] = limits(pool);
  // As much as it would with 8 connections more, and the other with 8 fewer.
  assert.ok(Math.abs(busy! - (20 - 16 + 1)) < 1e-9, String(busy));
  assert.ok(quiet! > 20 + 8, String(quiet));
  assert.equal(leastLoaded(pool), 2);
});

test("busyness counts for what workers have had for a while, and not for a burst", () => {
  const [own, ...others] = [
    { ...idle, open: 600, busy: 0.7 },
    { ...idle, open: 600, busy: 0.5 },
    { ...idle, open: 600, busy: 0.3 },
  ] as const;
  const leans = [600, 20, 0].map((steady) => leanOf(own, others, steady));
  assert.deepEqual(leans, [240, 8, 0]);
});

test("where all are as busy connections alone count", () => {
  for (const busy of [0, 0.5, 1]) {
    const pool = holding(25, 24, 27).map((each) => ({ ...each, busy }));
    assert.deepEqual(limits(pool), [25, 26, 25]);
    assert.equal(leastLoaded(pool), 1);
  }
});

test("noise of an idle pool shifts less than a connection of 25", () => {
  const pool = holding(25, 25, 25, 25).map((each, i) => ({
    ...each,
    busy: [0, 0.005, 0.01, 0.015][i]!,
  }));
  for (const limit of limits(pool)) {
    assert.ok(limit > 25 && limit < 27, String(limit));
  }
});

test("weights that are equal change nothing, whatever they are", () => {
  forSeeds(200, (random) => {
    const pool = anyPool(random, [1]);
    const heavy = pool.map((each) => ({ ...each, weight: 7 }));
    assert.deepEqual(limits(heavy), limits(pool));
    assert.equal(leastLoaded(heavy), leastLoaded(pool));
  });
});

/** Three workers and a canary with a twentieth of the connections. */
function withCanary(canary: Partial<Score>): Score[] {
  const worker = { ...idle, open: 20, recent: 1000 };
  return [worker, { ...worker }, { ...worker }, {
    ...idle,
    weight: 0.158,
    ...canary,
  }];
}

test("a light worker takes what its share allows, and no more", () => {
  const limitWith = (recent: number) =>
    limits(withCanary({ open: 3, recent }))[3];
  assert.equal(limitWith(158), 3);
  assert.equal(limitWith(157), 4);
  assert.equal(limitWith(155), 6);
});

test("a light worker is never more loaded than the others for its share", () => {
  assert.equal(limits(withCanary({ open: 3, recent: 0 }))[3], 21);
});

test("the few connections of a light worker are no measure for the others", () => {
  const pool = withCanary({ open: 1, recent: 157 });
  assert.deepEqual(limits(pool).slice(0, 3), [21, 21, 21]);
});

test("a light worker with far less than its share is let go first", () => {
  const pool = withCanary({ open: 1, recent: 120 });
  assert.deepEqual(limits(pool).slice(0, 3), [20, 20, 20]);
  assert.equal(leastLoaded(pool), 3);
  // Unless it has as much to do as they have.
  const loaded = withCanary({ open: 30, recent: 120 });
  assert.deepEqual(limits(loaded).slice(0, 3), [21, 21, 21]);
});

test("a connection that was passed on goes to the least loaded", () => {
  assert.equal(leastLoaded([]), -1);
  assert.equal(leastLoaded(holding(3)), 0);
  assert.equal(leastLoaded(holding(3, 1, 2, 1)), 1);
});

test("what is passed on goes to a light worker when it is due", () => {
  assert.equal(leastLoaded(withCanary({ recent: 157 })), 3);
  assert.equal(leastLoaded(withCanary({ recent: 158 })), 0);
  // All are the measure, also where only some can have it.
  const pool = withCanary({ recent: 400 });
  pool[0] = { ...pool[0]!, recent: 7000 };
  assert.equal(leastLoaded([pool[1]!, pool[3]!]), 0);
  assert.equal(leastLoaded([pool[1]!, pool[3]!], pool), 1);
});

test("a light worker gets what nobody else can have", () => {
  const pool = withCanary({ recent: 5000 });
  assert.equal(leastLoaded([pool[3]!], pool), 0);
});

test("a new worker begins with what the others have, by its weight", () => {
  assert.equal(fairRecent(1, []), 0);
  const others = withCanary({ recent: 158 });
  assert.equal(fairRecent(1, others), 1000);
  assert.equal(fairRecent(2, others), 2000);
  // A light one gets the next.
  assert.equal(fairRecent(0.5, others), 475);
});
