/**
 * Which lines say that another supervisor has the pool.
 *
 * Runs once, under bun: it is neither a runtime's nor a process'.
 */
import assert from "node:assert/strict";
import { lineOf } from "../../cli/log_line.ts";
import { successorIn } from "../../cli/log_successor.ts";
import { stampFor } from "../../cli/log_time.ts";
import { asObject, objectIn, withWorker } from "../../cli/program_line.ts";
import { describe, test } from "../harness.ts";

const WHAT = "upgrade-finished";

describe("the supervisor's own word", () => {
  const fields = { pool: "web", pid: 5, ms: 1 };
  for (const time of ["off", "utc", "local"] as const) {
    test(`is one as text, with a time of ${time}`, () => {
      const line = stampFor(time, {})() + lineOf("text", WHAT, fields);
      assert.equal(successorIn(line), 5);
    });
  }
  test("is one as JSON", () => {
    assert.equal(successorIn(lineOf("json", WHAT, fields)), 5);
    assert.equal(
      successorIn(lineOf("json", "upgrade-started", fields)),
      undefined,
    );
  });
});

describe("what a program writes is none", () => {
  const worker = {
    ...{ type: "worker-output", stream: "stdout" } as const,
    ...{ slot: 0, generation: 1, pid: 9 },
  };
  const own = [
    "prefork upgrade-finished pid=5 ms=1",
    "2026-05-01T12:00:00.000Z prefork upgrade-finished pid=5",
    lineOf("json", WHAT, { pid: 5 }),
  ];
  for (const line of own) {
    test(`as text: ${line}`, () => {
      for (const name of ["0", "web 0"]) {
        for (const time of ["off", "utc"] as const) {
          const kept = `${stampFor(time, {})()}[${name}] ${line}`;
          assert.equal(successorIn(kept), undefined, kept);
        }
      }
    });
    test(`as JSON: ${line}`, () => {
      const object = objectIn(line);
      const kept = object === undefined
        ? asObject({ ...worker, line }, line)
        : withWorker(object, { ...worker, line });
      assert.equal(successorIn(kept), undefined, kept);
    });
  }
  test("as JSON that says the slot itself", () => {
    const line = `{"event":"upgrade-finished","pid":5,"slot":null}`;
    const kept = withWorker(objectIn(line)!, { ...worker, line });
    assert.equal(successorIn(kept), undefined, kept);
  });
});
