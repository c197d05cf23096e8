/**
 * The picture of a run of the bench.
 *
 * Runs once, under vitest: the bench is Node's.
 */
import assert from "node:assert/strict";
import {
  type Named,
  overlap,
  placeLabels,
} from "../../bench/picture/labels.ts";
import { picture } from "../../bench/picture/picture.ts";
import { logScale } from "../../bench/picture/scale.ts";
import type { RuntimeTrades } from "../../bench/picture/trade.ts";
import { describe, test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";

const MODES = ["balanced", "shared", "sharded", "handoff", "cluster-rr"];

/** A number between two, as often in each decade. */
function between(random: Random, low: number, high: number): number {
  return low * (high / low) ** random.next();
}

function tradesFrom(random: Random): RuntimeTrades[] {
  return (["node", "deno", "bun"] as const).map((runtime) => ({
    runtime,
    trades: MODES.map((mode) => ({
      mode,
      rate: between(random, 0.8, 7),
      evenness: random.chance(0.2) ? Infinity : between(random, 1, 20),
      p99: between(random, 1, 300),
    })),
  }));
}

describe("the picture of the trade", () => {
  test("names every mode of every runtime, whatever the numbers are", () => {
    forSeeds(200, (random) => {
      const svg = picture(tradesFrom(random));
      for (const name of ["balanced", "shared", "handoff", "node:cluster"]) {
        const names = svg.match(new RegExp(`>${name} \\d+\\.\\dx</text>`, "g"));
        assert.equal(names?.length, 3, `${name}, seed ${random.seed}`);
      }
    });
  });

  test("has no script, no link and no font, and is small", () => {
    forSeeds(20, (random) => {
      const svg = picture(tradesFrom(random));
      assert.ok(svg.length < 20_000, `${svg.length}, seed ${random.seed}`);
      assert.doesNotMatch(svg, /<script|href|@import|url\(|@font-face|NaN/);
      assert.match(svg, /prefers-color-scheme:dark/);
    });
  });

  test("tells the numbers in words as well", () => {
    const trades = [
      { mode: "balanced", rate: 3.5, evenness: 1.08, p99: 2.9 },
      { mode: "shared", rate: 3.6, evenness: Infinity, p99: 3 },
    ];
    assert.match(
      picture([{ runtime: "node", trades }]),
      /Node: balanced 3\.5x, 1\.08 to 1, 2\.9 ms; shared 3\.6x, a worker without connections, 3\.0 ms</,
    );
  });
});

test("names cover neither one another nor what is in their way", () => {
  forSeeds(200, (random) => {
    const frame = { x: 0, y: 0, width: 400, height: 300 };
    const names = Array.from({ length: 6 }, (): Named => ({
      x: random.whole(20, 380),
      y: random.whole(20, 280),
      r: random.whole(4, 14),
      width: random.whole(30, 100),
      height: 13,
    }));
    const obstacle = { x: 150, y: 100, width: 60, height: 40 };
    const found = placeLabels(names, frame, [obstacle]);
    const boxes = [obstacle, ...found.filter((box) => box !== undefined)];
    assert.ok(boxes.length > 1, `seed ${random.seed}`);
    for (const [i, box] of boxes.entries()) {
      assert.ok(
        box.x >= 0 && box.y >= 0 && box.x + box.width <= 400 &&
          box.y + box.height <= 300,
        `name ${i} is outside, seed ${random.seed}`,
      );
      for (const other of boxes.slice(0, i)) {
        assert.ok(!overlap(box, other), `name ${i}, seed ${random.seed}`);
      }
    }
  });
});

test("an axis goes from one tick to another around its values", () => {
  const { ticks, at } = logScale([3, 40], [1, 2, 5, 10, 20, 50, 100], 0, 90);
  assert.deepEqual(ticks, [2, 5, 10, 20, 50]);
  assert.equal(at(2), 0);
  assert.equal(at(50), 90);
  assert.equal(Math.round(at(10)), 45);
  assert.equal(at(1000), 90);
  assert.equal(at(0.1), 0);
});
