/**
 * The queue of the gate.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import { type Job, longestFirst, runQueue } from "../../scripts/lib/queue.ts";
import { test } from "../harness.ts";

const job = (name: string, more: Partial<Job> = {}): Job => ({
  name,
  expected: 1,
  run: () => Promise.resolve(),
  ...more,
});

const names = (jobs: readonly Job[]): string[] => jobs.map(({ name }) => name);

/** Runs jobs and tells what began and ended, in order. */
async function seen(jobs: readonly Job[], lanes: number): Promise<string[]> {
  const log: string[] = [];
  await runQueue(jobs, lanes, {
    began: ({ name }) => void log.push(`+${name}`),
    ended: ({ name }) => void log.push(`-${name}`),
  });
  return log;
}

test("the longest come first, and before them what never ran", () => {
  const jobs = [
    job("short", { expected: 0.1 }),
    job("new", { expected: undefined }),
    job("long", { expected: 90 }),
    job("another new", { expected: undefined }),
    job("medium", { expected: 5 }),
  ];
  assert.deepEqual(names(longestFirst(jobs)), [
    "new",
    "another new",
    "long",
    "medium",
    "short",
  ]);
});

test("as many run at a time as there are lanes", async () => {
  let now = 0;
  let most = 0;
  const counted = Array.from({ length: 7 }, (_, i) =>
    job(`${i}`, {
      async run() {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, 1));
        now--;
      },
    }));
  const log = await seen(counted, 3);
  assert.equal(most, 3);
  assert.equal(log.length, 14);
  assert.deepEqual(log.slice(0, 3), ["+0", "+1", "+2"]);
  assert.deepEqual(await seen([job("a"), job("b")], 1), [
    "+a",
    "-a",
    "+b",
    "-b",
  ]);
});

test("what needs the same for itself never runs at once", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const log = await seen([
    job("first", { holds: "dist", run: () => promise }),
    job("second", { holds: "dist" }),
    job("other", { run: () => Promise.resolve(resolve()) }),
  ], 2);
  assert.deepEqual(log.slice(0, 2), ["+first", "+other"]);
  assert.ok(log.indexOf("+second") > log.indexOf("-first"));
});
