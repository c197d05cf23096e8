import assert from "node:assert/strict";
import { backoffDelay, DEFAULT_BACKOFF } from "../../core/supervise/restart.ts";
import { test } from "../harness.ts";
import { forSeeds } from "../random.ts";

test("the first crash costs no wait, the next ones double it up to 30 s", () => {
  const waits = Array.from({ length: 12 }, (_, i) => backoffDelay(i + 1, 0));
  assert.deepEqual(waits, [
    ...[0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600],
    ...[30_000, 30_000],
  ]);
});

test("a slot that has not crashed does not wait", () => {
  assert.equal(backoffDelay(0, 0.5), 0);
});

test("other times are obeyed", () => {
  const times = { first: 10, longest: 25, forgive: 0 };
  const waits = [1, 2, 3, 4].map((n) => backoffDelay(n, 0, times));
  assert.deepEqual(waits, [0, 10, 20, 25]);
});

test("jitter takes up to half of the wait away and never adds to it", () => {
  forSeeds(1_000, (random) => {
    const crashes = random.whole(2, 2_000_000);
    const wait = backoffDelay(crashes, random.next());
    const most = backoffDelay(crashes, 0);
    const seed = `seed ${random.seed}: ${crashes} crashes wait ${wait} ms`;
    assert.ok(Number.isInteger(wait), seed);
    assert.ok(wait >= most / 2 && wait <= most, seed);
    assert.ok(most <= DEFAULT_BACKOFF.longest, seed);
  });
});
