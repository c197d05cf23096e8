/**
 * Connections that stay, and a pool that changes, in the model.
 *
 * Runs once, under vitest: its numbers come out of a seeded generator, so that
 * each engine computes the same.
 */
import assert from "node:assert/strict";
import { describe, test } from "../harness.ts";
import { balanced, type BalancedOptions } from "./queueing_balanced.ts";
import { type Kept, kept, shortestStay } from "./queueing_kept.ts";
import { type Outcome, play } from "./queueing_loads.ts";

const CLIENTS: Kept = { clients: 400, think: 250, cost: 0.2, within: 1000 };

/** Four workers, and four more from the fifth second on. */
const SCALED = Array.from(
  { length: 8 },
  (_, i): [number, number] => [i < 4 ? 0 : 5000, Infinity],
);

/** Four workers, replaced one after the other. */
const RELOADED = Array.from(
  { length: 8 },
  (_, i): [number, number] =>
    i < 4 ? [0, 5000 + 300 * i] : [5000 + 300 * (i - 4), Infinity],
);

interface Played extends Outcome {
  readonly clients: ReturnType<typeof kept>;
  readonly open: readonly number[];
}

function playKept(
  lives: readonly (readonly [number, number])[],
  until: number,
  options: BalancedOptions = {},
  clients: Partial<Kept> = {},
  seed = 1,
): Played {
  const some = kept({ ...CLIENTS, ...clients });
  const mode = balanced({ rebalance: true, lives, ...options });
  const outcome = play(mode, lives.length, some.load, { until, seed });
  const open = outcome.workers.filter((_, i) => lives[i]![1] > until)
    .map((worker) => worker.open);
  return { ...outcome, clients: some, open };
}

const most = (open: readonly number[]): number =>
  Math.max(...open) / Math.min(...open);

describe("400 kept connections on 4 workers", () => {
  for (const by of ["passing", "yielding"] as const) {
    for (const seed of [1, 2]) {
      test(`by ${by}, seed ${seed}: 8 workers are even 10 s after a scale`, () => {
        const off = playKept(
          SCALED,
          15_000,
          { by, rebalance: false },
          {},
          seed,
        );
        assert.equal(most(off.open), Infinity, String(off.open));
        const on = playKept(SCALED, 15_000, { by }, {}, seed);
        assert.ok(most(on.open) <= 1.25, String(on.open));
        assert.ok(shortestStay(on.clients) >= 60_000);
      });
    }
  }

  test("after a rolling reload they are even too", () => {
    for (const by of ["passing", "yielding", "hash"] as const) {
      const { open, clients } = playKept(RELOADED, 16_000, { by });
      assert.ok(most(open) <= 1.25, `${by}: ${open}`);
      assert.ok(shortestStay(clients) >= 60_000, by);
    }
  });

  test("by the hash they come near within 10 s of a scale", () => {
    for (const seed of [1, 2]) {
      const on = playKept(SCALED, 15_000, { by: "hash" }, {}, seed);
      assert.ok(most(on.open) <= 2, String(on.open));
    }
  });

  test("no more are ended than have to go, and none in an even pool", () => {
    const { clients, open } = playKept(SCALED, 120_000);
    const moves = clients.moves.flat().filter((at) => at < 60_000);
    assert.ok(moves.length <= 210, String(moves.length));
    assert.ok(moves.every((at) => at > 6000));
    assert.ok(most(open) <= 1.25, String(open));
    assert.ok(shortestStay(clients) >= 60_000);
    const still = Array.from({ length: 4 }, (): [number, number] => [0, 1e9]);
    assert.equal(playKept(still, 120_000).clients.moves.flat().length, 0);
  });

  test("clients that come back late are not told too often", () => {
    const { clients, open } = playKept(SCALED, 60_000, {}, { think: 5000 });
    assert.ok(clients.moves.flat().length <= 220);
    assert.ok(most(open) <= 1.6, String(open));
  });
});

describe("a few fat connections", () => {
  test("8 on 4 workers, of which two had all: nobody is idle 30 s later", () => {
    const lives = [0, 0, 5000, 5000].map((at): [number, number] => [at, 1e9]);
    for (const seed of [1, 2, 3]) {
      const { open } = playKept(lives, 35_000, {}, {
        clients: 8,
        think: 1000,
        cost: 5,
      }, seed);
      assert.ok(Math.min(...open) > 0, String(open));
    }
  });
});
