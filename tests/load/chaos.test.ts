/** Everything at once, a little of it: `npm run chaos` does it for minutes. */

import assert from "node:assert/strict";
import process from "node:process";
import { chaos, DEEDS } from "../chaos.ts";
import { test } from "../harness.ts";
import { ownRuntime } from "../runtimes.ts";

test("whatever happens to a pool, only what a killed worker served is lost", {
  timeout: 120_000,
  skip: process.platform !== "linux" && "descriptors are counted in /proc",
}, async () => {
  const { done, unexplained, schedule } = await chaos({
    seed: 11,
    deeds: DEEDS.length,
    runtime: ownRuntime,
    standby: 1,
  });
  assert.deepEqual(unexplained, []);
  assert.equal(schedule.length, DEEDS.length);
  assert.ok(done > 100, `${done} requests`);
});
