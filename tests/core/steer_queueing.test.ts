/**
 * Runs once, under bun: it is virtual time.
 */
import assert from "node:assert/strict";
import { describe, test } from "../harness.ts";
import { churn, placing, play } from "./queueing_loads.ts";
import { MODES, tailOf, unevennessOf } from "./queueing_study.ts";
import { steered } from "./queueing_steered.ts";

describe("shards that the kernel chooses among, in the model", () => {
  test("are even for connections that stay", () => {
    assert.equal(unevennessOf(steered), 1);
    const burst = play(steered, 8, placing(200, 0), { until: 2000 });
    assert.deepEqual(burst.workers.map(({ open }) => open), Array(8).fill(25));
  });

  test("go round for short connections", () => {
    const { workers } = play(steered, 8, churn(400, 1), { until: 20_000 });
    const taken = workers.map((worker) => worker.taken);
    assert.ok(Math.max(...taken) <= 1.1 * Math.min(...taken), String(taken));
  });

  test("have a tail between that of one queue and that of the hash", () => {
    for (const perSecond of [100, 250]) {
      const [own, hash, one, dealt] = [
        steered,
        MODES["random"]!,
        MODES["balanced"]!,
        MODES["round-robin"]!,
      ].map((mode) => tailOf(mode, perSecond)) as [
        ...[number, number, number, number],
      ];
      const text = `${perSecond}/s: ${[own, hash, one, dealt]}`;
      assert.ok(own < 0.5 * hash && own < 0.6 * dealt, text);
      assert.ok(own < 2 * one, text);
    }
  });
});
