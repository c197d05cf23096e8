import assert from "node:assert/strict";
import { happenedIn, isTold, lineOf, wordsOf } from "../../cli/log_line.ts";
import type { PoolEvent, PoolStatus } from "../../core/events.ts";
import { describe, test } from "../harness.ts";
import { fakePool, poolStatus, workerStatus } from "./fake_pool.ts";

const worker = { slot: 1, generation: 2, pid: 42 };

/** The line of an event, if it is worth one. */
function textLine(
  event: PoolEvent,
  status: PoolStatus = poolStatus(),
): string | undefined {
  const fake = fakePool();
  fake.now = status;
  return isTold(event)
    ? wordsOf(happenedIn(event, fake.pool)).join(" ")
    : undefined;
}

describe("lines of text", () => {
  const lines: readonly (readonly [PoolEvent, string | undefined])[] = [
    [
      {
        type: "listening",
        name: "api",
        address: "127.0.0.1:80",
        share: "shared",
        reason: "as asked",
      },
      'listening name=api address=127.0.0.1:80 share=shared reason="as asked"',
    ],
    [
      { type: "worker-ready", ...worker, ms: 31 },
      "worker-ready slot=1 generation=2 pid=42 ms=31",
    ],
    [
      {
        type: "worker-exited",
        ...worker,
        reason: "crashed",
        code: null,
        signal: "SIGSEGV",
        ms: 0,
      },
      "worker-exited slot=1 generation=2 pid=42 reason=crashed signal=SIGSEGV ms=0",
    ],
    [
      {
        type: "worker-respawning",
        slot: 0,
        delay: 0,
        crashes: 1,
        reason: "Error: no",
      },
      'worker-respawning slot=0 delay=0 crashes=1 reason="Error: no"',
    ],
    [
      {
        type: "worker-status",
        ...worker,
        state: "ready",
        runtime: "bun",
        age: 1_000,
        restarts: 0,
        connections: 25,
        accepted: 40,
        passedOn: 3,
        takenOver: 8,
        requests: 120,
        lag: 1.5,
        queue: { length: 3, limit: 511 },
      },
      "worker-status slot=1 generation=2 pid=42 state=ready runtime=bun age=1000 restarts=0 connections=25 accepted=40 passedOn=3 takenOver=8 requests=120 lag=1.5 queue=3/511",
    ],
    [
      { type: "pool-degraded", ready: 1, wanted: 2, reason: "slot 1: no" },
      'pool-degraded ready=1 wanted=2 reason="slot 1: no"',
    ],
    [
      { type: "pool-down", wanted: 2, reason: "slot 1: no" },
      'pool-down wanted=2 reason="slot 1: no"',
    ],
    [
      { type: "pool-recovered", workers: 2, ms: 15_100 },
      "pool-recovered workers=2 ms=15100",
    ],
    [{ type: "stopping", quick: false }, "stopping quick=false"],
    [{ type: "stopped", killed: 0 }, "stopped killed=0"],
    [{ type: "warning", message: "" }, 'warning message=""'],
    [{ type: "warning", message: "a=b" }, 'warning message="a=b"'],
    [{ type: "warning", message: 'say "x"' }, 'warning message="say \\"x\\""'],
    [{ type: "warning", message: "a\nb" }, 'warning message="a\\nb"'],
    [{ type: "warning", message: "\x1b[2J" }, 'warning message="\\u001b[2J"'],
    [{ type: "warning", message: "grün" }, "warning message=grün"],
    [{ type: "worker-started", ...worker }, undefined],
    [{ type: "worker-draining", ...worker }, undefined],
    [{ type: "worker-message", ...worker, message: {} }, undefined],
  ];
  for (const [event, line] of lines) {
    test(`${event.type}: ${line}`, () => {
      const expected = line === undefined ? undefined : `prefork ${line}`;
      assert.equal(textLine(event), expected);
    });
  }
});

describe("the ready line", () => {
  const ready = { type: "pool-ready", workers: 4, ms: 120, pid: 7 } as const;

  test("has address, mode, workers, runtime, time to ready and the supervisor's pid", () => {
    assert.equal(
      textLine(ready),
      "prefork ready listen=:80 share=shared workers=4 runtime=node ms=120 pid=7",
    );
  });

  test("has the name of a pool that was given one", () => {
    assert.match(
      textLine({ ...ready, name: "web" })!,
      / ms=120 pid=7 name=web$/,
    );
  });

  test("has every listener, and each mode and runtime once", () => {
    const status = poolStatus({
      listeners: [
        { name: "a", address: ":80", share: "shared" },
        { name: "b", address: "unix:/a b", share: "handoff" },
        { name: "c", address: ":82", share: "shared" },
      ],
      workers: [
        workerStatus(0),
        workerStatus(1, { runtime: "bun" }),
        workerStatus(2),
      ],
    });
    assert.equal(
      textLine(ready, status),
      'prefork ready listen=":80,unix:/a b,:82" share=shared,handoff workers=4 runtime=node,bun ms=120 pid=7',
    );
  });
});

describe("lines of JSON", () => {
  const { pool } = fakePool();
  const parsed = (event: PoolEvent): Record<string, unknown> => {
    const { what, fields } = happenedIn(event, pool);
    const line = lineOf("json", what, fields);
    assert.ok(!line.includes("\n"));
    const { time, ...rest } = JSON.parse(line);
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    assert.equal(Object.keys(rest)[0], "event");
    return rest;
  };

  test("have the time, the event and its fields as they are", () => {
    const { ...fields } = worker;
    assert.deepEqual(
      parsed({
        type: "worker-exited",
        ...fields,
        reason: "drained",
        code: 0,
        signal: null,
        ms: 12,
      }),
      {
        event: "worker-exited",
        ...fields,
        reason: "drained",
        code: 0,
        signal: null,
        ms: 12,
      },
    );
  });

  test("leave no event out", () => {
    const message = { text: "a\nb", type: "mine", time: 1 };
    assert.deepEqual(parsed({ type: "worker-message", ...worker, message }), {
      event: "worker-message",
      ...worker,
      message,
    });
    assert.equal(
      parsed({ type: "worker-started", ...worker })["event"],
      "worker-started",
    );
  });

  test("say ready as the line of text does", () => {
    const ready = { type: "pool-ready", workers: 4, ms: 120, pid: 7 } as const;
    assert.deepEqual(parsed({ ...ready, name: "web" }), {
      event: "ready",
      listen: ":80",
      share: "shared",
      workers: 4,
      runtime: "node",
      ms: 120,
      pid: 7,
      name: "web",
    });
  });
});
