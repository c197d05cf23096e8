/** How many connections a worker may end, and how many all of them. */
import assert from "node:assert/strict";
import { endsOf } from "../../core/balance/rebalance.ts";
import type { Score } from "../../core/balance/policy.ts";
import { describe, test } from "../harness.ts";
import { forSeeds } from "../random.ts";

const score = (more: Partial<Score>): Score => ({
  open: 0,
  busy: 0,
  ended: 0,
  recent: 0,
  weight: 1,
  ...more,
});

/** What each worker may end. */
function ends(scores: readonly Score[], away = 0): number[] {
  const population = scores.reduce((sum, { open }) => sum + open, away);
  return scores.map((_, own) => endsOf({ scores, own, population }));
}

const open = (...counts: readonly number[]): Score[] =>
  counts.map((open) => score({ open }));

const sum = (counts: readonly number[]): number =>
  counts.reduce((a, b) => a + b, 0);

describe("a worker may end", () => {
  const cases: readonly [what: string, Score[], away: number, number[]][] = [
    ["none where it is alone", open(40), 0, [0]],
    ["none where all hold the same", open(5, 5, 5), 0, [0, 0, 0]],
    ["none where one more would only change places", open(5, 4), 0, [0, 0]],
    ["one where two are between it and another", open(6, 4), 0, [1, 0]],
    ["one, the first of those that hold as many", open(3, 3, 2, 0), 0, [
      1,
      0,
      0,
      0,
    ]],
    ["none while that one is on its way", open(2, 3, 2, 0), 1, [0, 0, 0, 0]],
    ["none within the tolerance", open(52, 48), 0, [0, 0]],
    ["a part of the budget", open(100, 100, 0, 0), 0, [10, 10, 0, 0]],
    ["the most where it holds the most", open(120, 80, 0, 0), 0, [15, 5, 0, 0]],
    ["what the budget leaves", open(90, 100, 0, 0), 10, [4, 6, 0, 0]],
    [
      "its part by its weight",
      [
        score({ open: 180 }),
        score({ open: 40, weight: 0.1 }),
      ],
      0,
      [0, 19],
    ],
    [
      "none for a light one that has its share",
      [
        score({ open: 95 }),
        score({ open: 5, weight: 0.05 }),
      ],
      0,
      [0, 0],
    ],
    [
      "some where it is busier than the others",
      [
        score({ open: 50, busy: 0.9 }),
        score({ open: 50, busy: 0.5 }),
      ],
      0,
      [10, 0],
    ],
    [
      "not the last one, however busy it is",
      [
        score({ open: 1, busy: 1 }),
        score({ open: 1 }),
      ],
      0,
      [0, 0],
    ],
  ];
  for (const [what, scores, away, expected] of cases) {
    test(what, () => assert.deepEqual(ends(scores, away), expected));
  }

  test("never more than it holds too many, nor all together than there is room", () => {
    forSeeds(2000, (random) => {
      const scores = Array.from({ length: random.whole(2, 20) }, () =>
        score({
          open: random.whole(0, 100),
          weight: random.chance(0.2) ? 0.1 : 1,
        }));
      const away = random.whole(0, 20);
      const found = ends(scores, away);
      const population = sum(scores.map((each) => each.open)) + away;
      const part = population / sum(scores.map(({ weight }) => weight));
      for (const [i, { open, weight }] of scores.entries()) {
        const over = Math.max(0, Math.ceil(open - part * weight));
        assert.ok(found[i]! >= 0 && found[i]! <= over);
      }
      const room = sum(
        scores.map(({ open, weight }) => Math.max(0, part * weight - open)),
      );
      const budget = Math.max(1, population / 10);
      assert.ok(sum(found) <= Math.max(0, Math.min(room, budget) - away));
    });
  });

  test("again and again until a pool is even, which then ends none", () => {
    forSeeds(300, (random) => {
      const counts = Array.from(
        { length: random.whole(2, 12) },
        () => random.whole(0, 60),
      );
      for (let turn = 0; turn < 500; turn++) {
        const found = ends(open(...counts));
        if (sum(found) === 0) break;
        for (const [i, count] of found.entries()) {
          counts[i]! -= count;
          for (let n = 0; n < count; n++) {
            counts[counts.indexOf(Math.min(...counts))]!++;
          }
        }
      }
      assert.equal(sum(ends(open(...counts))), 0);
      const mean = sum(counts) / counts.length;
      const most = Math.max(...counts);
      const least = Math.min(...counts);
      assert.ok(most - least <= 2 || most <= 1.05 * mean, String(counts));
      assert.ok(least > 0 || mean < 1 || most <= 1, String(counts));
    });
  });
});
