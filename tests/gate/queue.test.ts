/**
 * The queue of the gate.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import {
  coresOf,
  type Job,
  longestFirst,
  runQueue,
} from "../../scripts/lib/queue.ts";
import type { Cost } from "../../scripts/lib/times.ts";
import { test } from "../harness.ts";

/** What keeps one core busy, unless said otherwise. */
const took = (seconds: number, cpu = seconds): Cost => ({ seconds, cpu });

const job = (name: string, more: Partial<Job> = {}): Job => ({
  name,
  expected: took(1),
  run: () => Promise.resolve(),
  ...more,
});

const names = (jobs: readonly Job[]): string[] => jobs.map(({ name }) => name);

/** Runs jobs and tells what began and ended, in order. */
async function seen(jobs: readonly Job[], cores: number): Promise<string[]> {
  const log: string[] = [];
  await runQueue(jobs, cores, {
    began: ({ name }) => void log.push(`+${name}`),
    ended: ({ name }) => void log.push(`-${name}`),
  });
  return log;
}

test("the longest come first, and before them what never ran", () => {
  const jobs = [
    job("short", { expected: took(0.1) }),
    job("new", { expected: undefined }),
    job("long", { expected: took(90) }),
    job("another new", { expected: undefined }),
    job("medium", { expected: took(5) }),
  ];
  assert.deepEqual(names(longestFirst(jobs)), [
    "new",
    "another new",
    "long",
    "medium",
    "short",
  ]);
});

test("a core is kept busy by one job, or by several that mostly wait", async () => {
  assert.equal(coresOf(job("new", { expected: undefined })), 1);
  assert.equal(coresOf(job("waits", { expected: took(8, 1) })), 1 / 4);
  assert.equal(coresOf(job("no time", { expected: took(0) })), 1 / 4);
  assert.equal(coresOf(job("several", { expected: took(8, 12) })), 1.5);
  const { promise, resolve } = Promise.withResolvers<void>();
  const log = await seen([
    job("heavy", { expected: took(4, 6), run: () => promise }),
    job("half", { expected: took(2, 1) }),
    job("other half", {
      expected: took(2, 1),
      run: () => Promise.resolve(resolve()),
    }),
  ], 2);
  assert.deepEqual(log.slice(0, 2), ["+heavy", "+half"]);
  assert.ok(log.indexOf("+other half") > log.indexOf("-half"));
});

test("as many run at a time as there are cores", async () => {
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
