import assert from "node:assert/strict";
import { BootOutput } from "../../core/supervise/boot_output.ts";
import { describe, test } from "../harness.ts";

/** Output of workers that are only names, and what of it was shown. */
function stage(): {
  output: BootOutput<string>;
  shown: string[];
  says(worker: string, ...lines: readonly string[]): void;
} {
  const shown: string[] = [];
  const output = new BootOutput<string>((worker, { line }) =>
    shown.push(`${worker}: ${line}`)
  );
  return {
    output,
    shown,
    says: (worker, ...lines) => {
      for (const line of lines) {
        output.write(worker, { stream: "stderr", line });
      }
    },
  };
}

describe("while workers boot", () => {
  test("the first one is heard at once, the others when they are ready", () => {
    const { output, shown, says } = stage();
    output.begin("a");
    output.begin("b");
    says("a", "1");
    says("b", "1", "2");
    assert.deepEqual(shown, ["a: 1"]);
    output.release("b");
    assert.deepEqual(shown, ["a: 1", "b: 1", "b: 2"]);
  });

  test("a worker that is ready is heard at once", () => {
    const { output, shown, says } = stage();
    for (const worker of ["a", "b"]) output.begin(worker);
    output.release("b");
    says("b", "1");
    assert.deepEqual(shown, ["b: 1"]);
    output.release("b");
    assert.deepEqual(shown, ["b: 1"]);
  });

  test("a line keeps its stream", () => {
    const streams: string[] = [];
    const output = new BootOutput<string>((_, { stream }) =>
      streams.push(stream)
    );
    output.begin("a");
    output.begin("b");
    output.write("b", { stream: "stdout", line: "" });
    output.write("b", { stream: "stderr", line: "" });
    output.release("b");
    assert.deepEqual(streams, ["stdout", "stderr"]);
  });

  test("of very much output the oldest is shown, so that memory is bounded", () => {
    const { output, shown, says } = stage();
    output.begin("a");
    output.begin("b");
    for (let i = 1; i <= 1_002; i++) says("b", String(i));
    assert.deepEqual(shown, ["b: 1", "b: 2"]);
    output.release("b");
    assert.equal(shown.length, 1_002);
    assert.equal(shown.at(-1), "b: 1002");
    output.begin("c");
    const long = "x".repeat(1024 * 1024);
    says("c", long, long, long, long);
    assert.equal(shown.length, 1_002);
    says("c", "1");
    assert.equal(shown.length, 1_003);
  });
});

describe("a program that cannot boot", () => {
  test("shows its error once, not once per worker", () => {
    const { output, shown, says } = stage();
    const workers = ["a", "b", "c", "d"];
    for (const worker of workers) output.begin(worker);
    for (const worker of workers) says(worker, "Error: no", "  at x");
    for (const worker of workers) output.fail(worker);
    assert.deepEqual(shown, ["a: Error: no", "a:   at x"]);
  });

  test("shows it once even when the first worker fails last", () => {
    const { output, shown, says } = stage();
    for (const worker of ["a", "b"]) output.begin(worker);
    for (const worker of ["a", "b"]) says(worker, "Error: no");
    output.fail("b");
    output.fail("a");
    assert.deepEqual(shown, ["a: Error: no"]);
  });

  test("shows it once for every retry with the same error", () => {
    const { output, shown, says } = stage();
    output.begin("a");
    output.release("a");
    for (const retry of ["b", "c", "d"]) {
      output.begin(retry);
      says(retry, "Error: no");
      output.fail(retry);
    }
    assert.deepEqual(shown, ["b: Error: no"]);
  });

  test("shows another error too", () => {
    const { output, shown, says } = stage();
    for (const worker of ["a", "b", "c"]) output.begin(worker);
    says("a", "Error: 1");
    says("b", "Error: 2");
    says("c", "Error: 2");
    for (const worker of ["a", "b", "c"]) output.fail(worker);
    assert.deepEqual(shown, ["a: Error: 1", "b: Error: 2"]);
  });

  test("is not heard any more once the pool gave up", () => {
    const { output, shown, says } = stage();
    for (const worker of ["a", "b"]) output.begin(worker);
    says("b", "held");
    output.mute();
    says("a", "late");
    says("b", "late");
    output.release("b");
    assert.deepEqual(shown, []);
  });

  test("may say nothing at all", () => {
    const { output, shown } = stage();
    for (const worker of ["a", "b"]) output.begin(worker);
    for (const worker of ["a", "b", "stranger"]) output.fail(worker);
    assert.deepEqual(shown, []);
  });
});
