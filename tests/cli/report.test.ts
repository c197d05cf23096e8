import assert from "node:assert/strict";
import type { LogForm, LogOptions } from "../../cli/log_options.ts";
import { createProgress } from "../../cli/progress.ts";
import { KeptLog } from "../../core/control/log.ts";
import { createReporter } from "../../cli/report.ts";
import type { PoolEvent } from "../../core/events.ts";
import type { PoolStatus } from "../../core/events.ts";
import { describe, test } from "../harness.ts";
import { fakeOutput, fakePool, poolStatus, workerStatus } from "./fake_pool.ts";

const ERASE = "\r\x1b[K";
const worker = { slot: 1, generation: 1, pid: 42 };
const line = (
  stream: "stdout" | "stderr",
  text: string,
): PoolEvent => ({ type: "worker-output", ...worker, stream, line: text });

/** What is written when events happen, each while the pool is in a state. */
async function report(
  form: LogForm,
  terminal: boolean | undefined,
  happened: readonly (readonly [PoolEvent, Partial<PoolStatus>?])[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string[]; stderr: string[] }> {
  const fake = fakePool();
  const stdout = fakeOutput(terminal);
  const stderr = fakeOutput(terminal);
  const log: LogOptions = { form, time: "off" };
  // No terminal reads this variable; here it is its width.
  stderr.columns = () => Number(variables["COLUMNS"]) || undefined;
  const variable = (name: string): string | undefined => variables[name];
  const io = { stdout, stderr, variable, kept: new KeptLog() };
  const done = createReporter(fake.pool, log, io).follow();
  for (const [event, status] of happened) {
    fake.now = poolStatus(status);
    fake.tell(event);
    // The reporter reads the status when it tells the event.
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
  fake.end();
  await done;
  return { stdout: stdout.written, stderr: stderr.written };
}

/** A text without its colours. */
const plain = (text: string): string =>
  // deno-lint-ignore no-control-regex
  text.replaceAll(/\x1b\[\d+m/g, "");

const STARTING = { state: "starting", ready: 1 } as const;
const START: readonly (readonly [PoolEvent, Partial<PoolStatus>?])[] = [
  [{ type: "worker-started", ...worker }, { ...STARTING, ready: 0 }],
  [{ type: "worker-ready", ...worker, ms: 5 }, STARTING],
  [line("stdout", "hello"), STARTING],
  [{ type: "pool-ready", workers: 2, ms: 9, pid: 7 }],
];

describe("on a pipe", () => {
  test("the log is plain lines on stderr, output goes where it was written", async () => {
    const { stdout, stderr } = await report("text", undefined, [
      ...START,
      [line("stderr", "oh")],
    ]);
    assert.deepEqual(stdout, ["[1] hello\n"]);
    assert.deepEqual(stderr, [
      "prefork worker-ready slot=1 generation=1 pid=42 ms=5\n",
      "prefork ready listen=:80 share=shared workers=2 runtime=node ms=9 pid=7\n",
      "[1] oh\n",
    ]);
  });

  test("as JSON, every event and every line of output is one line on stderr", async () => {
    const { stdout, stderr } = await report("json", undefined, START);
    assert.deepEqual(stdout, []);
    const events = stderr.map((text) => {
      assert.ok(text.endsWith("}\n"));
      return JSON.parse(text).event;
    });
    assert.deepEqual(events, [
      "worker-started",
      "worker-ready",
      "worker-output",
      "ready",
    ]);
  });
});

describe("on a terminal", () => {
  test("a live line shows the progress and makes way for other lines", async () => {
    const { stdout, stderr } = await report("text", true, START);
    assert.deepEqual(stdout.map(plain), ["[1] hello\n"]);
    assert.deepEqual(stderr.map(plain), [
      "starting 0/2 ready",
      ERASE,
      "prefork worker-ready slot=1 generation=1 pid=42 ms=5\n",
      "starting 1/2 ready",
      ERASE,
      "starting 1/2 ready",
      ERASE,
      "prefork ready listen=:80 share=shared workers=2 runtime=node ms=9 pid=7\n",
    ]);
    assert.ok(stderr.at(-1)!.startsWith("\x1b[32mprefork ready\x1b[0m "));
  });

  test("a dumb one has neither live line nor colours", async () => {
    const { stdout, stderr } = await report("text", true, START, {
      TERM: "dumb",
    });
    assert.doesNotMatch(stdout.concat(stderr).join(""), /\p{Cc}(?<!\n)/u);
    assert.equal(stderr.length, 2);
  });

  test("lines are wrapped at its width, those of programs are left alone", async () => {
    const { stdout, stderr } = await report("text", true, [
      [{ type: "worker-ready", ...worker, ms: 5 }],
      [line("stdout", "x ".repeat(50))],
    ], { NO_COLOR: "1", COLUMNS: "40" });
    assert.deepEqual(stderr, [
      "prefork worker-ready slot=1 generation=1\n    pid=42 ms=5\n",
    ]);
    assert.equal(stdout.join("").split("\n").length, 2);
  });

  test("it is gone when the pool is", async () => {
    const { stderr } = await report("text", true, [
      [{ type: "stopping", quick: false }, { state: "stopping" }],
    ]);
    assert.deepEqual(stderr.slice(1), ["draining 2 left", ERASE]);
  });

  test("JSON has none", async () => {
    const { stderr } = await report("json", true, START);
    assert.equal(stderr.length, START.length);
  });
});

describe("the live line", () => {
  const shown = (
    status: Partial<PoolStatus>,
    event: PoolEvent = { type: "warning", message: "x" },
  ): readonly string[] => {
    const fake = fakePool();
    fake.now = poolStatus(status);
    const terminal = fakeOutput(true);
    createProgress(terminal).show(event, fake.pool);
    return terminal.written;
  };

  test("counts the ready workers during a start", () => {
    assert.deepEqual(shown({ state: "starting", ready: 1, wanted: 4 }), [
      "starting 1/4 ready",
    ]);
  });
  test("counts the ready workers of the new generation during a reload", () => {
    const workers = [
      workerStatus(0, { generation: 3 }),
      workerStatus(1, { generation: 3, state: "starting" }),
      workerStatus(1, { generation: 2 }),
    ];
    const status = { state: "reloading", generation: 2, workers } as const;
    assert.deepEqual(shown(status), ["reloading 1/2 new"]);
  });
  test("counts who is left during a drain", () => {
    const workers = [workerStatus(0, { state: "draining" })];
    assert.deepEqual(shown({ state: "stopping", workers }), [
      "draining 1 left",
    ]);
  });
  test("shows nothing when there is no progress to show", () => {
    for (const state of ["new", "running", "stopped"] as const) {
      assert.deepEqual(shown({ state }), []);
    }
    const stopped = { type: "stopped", killed: 0 } as const;
    assert.deepEqual(shown({ state: "stopping" }, stopped), []);
  });
  test("erases only what it has written", () => {
    const terminal = fakeOutput(true);
    const progress = createProgress(terminal);
    progress.clear();
    assert.deepEqual(terminal.written, []);
    const fake = fakePool();
    fake.now = poolStatus(STARTING);
    progress.show({ type: "warning", message: "x" }, fake.pool);
    progress.clear();
    progress.clear();
    assert.deepEqual(terminal.written, ["starting 1/2 ready", ERASE]);
  });
  test("does nothing without a terminal", () => {
    const fake = fakePool();
    fake.now = poolStatus(STARTING);
    const progress = createProgress(undefined);
    progress.show({ type: "warning", message: "x" }, fake.pool);
    progress.clear();
  });
});
