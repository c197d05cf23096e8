/**
 * The queue of the gate.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import {
  type Job,
  longestFirst,
  runQueue,
  thisMachine,
} from "../../scripts/lib/queue.ts";
import { test } from "../harness.ts";

const job = (name: string, more: Partial<Job> = {}): Job => ({
  name,
  expected: 1,
  run: () => Promise.resolve(),
  ...more,
});

const names = (jobs: readonly Job[]): string[] => jobs.map(({ name }) => name);

/** Runs jobs and tells what began and ended, in order. */
async function seen(
  jobs: readonly Job[],
  cores: number,
  idle: () => number = () => 0,
): Promise<string[]> {
  const log: string[] = [];
  const events = {
    began: ({ name }: Job) => void log.push(`+${name}`),
    ended: ({ name }: Job) => void log.push(`-${name}`),
  };
  await runQueue(jobs, { cores, idle }, events, 5);
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

test("those that wait for each other come as early as one job of all of them", () => {
  const jobs = [
    job("long", { expected: 50 }),
    job("held", { expected: 20, holds: "a" }),
    job("held as well", { expected: 40, holds: "a" }),
    job("alone", { expected: 10, holds: "b" }),
  ];
  assert.deepEqual(names(longestFirst(jobs)), [
    "held as well",
    "held",
    "long",
    "alone",
  ]);
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

test("the last one runs as well when the cores are idle", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const rooms = [0.2, 0.4, 0];
  const log = await seen(
    [
      job("waits", { run: () => promise }),
      job("next"),
      job("last", { run: () => Promise.resolve(resolve()) }),
    ],
    1,
    () => rooms.shift() ?? 0,
  );
  assert.deepEqual(log.slice(0, 2), ["+waits", "+last"]);
  assert.deepEqual(log.slice(-2), ["+next", "-next"]);
  assert.deepEqual(rooms, [0]);
});

test("the cores of this machine are never idler than they are many", async () => {
  const { cores, idle } = thisMachine(2);
  assert.equal(cores, 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(idle() <= 2);
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
