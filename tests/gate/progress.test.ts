/**
 * What a run of the gate shows.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import {
  clock,
  progressLine,
  showProgress,
} from "../../scripts/lib/progress.ts";
import type { Job } from "../../scripts/lib/queue.ts";
import { test } from "../harness.ts";

const job = (name: string, expected: number): Job => ({
  name,
  expected,
  run: () => Promise.resolve(),
});

test("a line says what runs, how much is done and how long it takes", () => {
  const standing = {
    all: 200,
    done: 12,
    failed: 0,
    elapsed: 65_000,
    expected: 371,
    running: ["vitest tests/a.test.ts", "npm run lint"],
  };
  assert.equal(
    progressLine(standing),
    "12 of 200 done; 1:05 passed, about 6:11 left; vitest tests/a.test.ts, npm run lint",
  );
  assert.equal(
    progressLine({ ...standing, failed: 2, running: [] }),
    "12 of 200 done; 2 failed; 1:05 passed, about 6:11 left",
  );
});

test("a time is minutes and seconds", () => {
  assert.deepEqual([0, 7.4, 59.7, 750].map(clock), [
    "0:00",
    "0:07",
    "1:00",
    "12:30",
  ]);
});

test("on a terminal the line makes way for what is printed", () => {
  const written: string[] = [];
  const screen = {
    isTTY: true,
    columns: 20,
    write: (text: string) => void written.push(text),
  };
  const jobs = [job("a", 1)];
  const progress = showProgress(jobs, 1, screen);
  progress.began(jobs[0]!);
  progress.print("a FAILED");
  progress.end();
  assert.equal(written.join(""), "\r\x1b[Ka FAILED\n\r\x1b[K");
});

test("on a pipe nothing is written over", () => {
  const written: string[] = [];
  const progress = showProgress([], 1, {
    write: (text) => void written.push(text),
  });
  progress.print("a FAILED");
  progress.end();
  assert.equal(written.join(""), "a FAILED\n");
});
