/** What programs write, as it is, as JSON, and what of it belongs together. */
import assert from "node:assert/strict";
import { type ProgramLine, StackLines } from "../../cli/log_stack.ts";
import { objectIn, withWorker } from "../../cli/program_line.ts";
import { describe, test } from "../harness.ts";

const worker = { slot: 1, generation: 2, pid: 42 };
const line = (
  text: string,
  stream: "stdout" | "stderr" = "stdout",
): ProgramLine => ({ type: "worker-output", ...worker, stream, line: text });

describe("a line of JSON", () => {
  const made = (text: string): string => {
    const object = objectIn(text);
    assert.ok(object !== undefined, text);
    const whole = withWorker(object, line(text));
    JSON.parse(whole);
    return whole;
  };

  for (
    const [text, whole] of [
      [
        '{"msg":"hi","time":1}',
        '{"msg":"hi","time":1,"slot":1,"generation":2,"pid":42,"stream":"stdout"}',
      ],
      [
        ' { "ts": 1 } ',
        '{ "ts": 1,"slot":1,"generation":2,"pid":42,"stream":"stdout"}',
      ],
      [
        // As pino has it.
        '{"pid":42,"time":1}',
        '{"pid":42,"time":1,"slot":1,"generation":2,"stream":"stdout"}',
      ],
      [
        '{"slot":"a","prefork_slot":"b","timestamp":1}',
        '{"slot":"a","prefork_slot":"b","timestamp":1,"prefork_prefork_slot":1,"generation":2,"pid":42,"stream":"stdout"}',
      ],
      [
        '{"id":12345678901234567890,"@timestamp":1}',
        '{"id":12345678901234567890,"@timestamp":1,"slot":1,"generation":2,"pid":42,"stream":"stdout"}',
      ],
    ] as const
  ) {
    test(`${text} stays as it is written`, () => {
      assert.equal(made(text), whole);
    });
  }

  test("has a time where it has none", () => {
    const { time, ...rest } = JSON.parse(made("{}"));
    assert.match(time, /^\d{4}-.*Z$/);
    assert.deepEqual(rest, { ...worker, stream: "stdout" });
  });

  test("is an object, and nothing else is", () => {
    for (
      const text of ["1", "null", "[{}]", "{", "{a}", 'x {"a":1}', "", "}"]
    ) {
      assert.equal(objectIn(text), undefined, text);
    }
  });
});

describe("lines that belong together", () => {
  /** What comes of lines, held back by no time. */
  const together = (lines: readonly ProgramLine[]): readonly string[] => {
    const found: string[] = [];
    const stacks = new StackLines((_, text) => found.push(text));
    for (const each of lines) stacks.push(each);
    stacks.flush();
    return found;
  };
  const of = (text: string): readonly string[] =>
    together(text.split("\n").map((each) => line(each)));

  test("are those of a stack", () => {
    const stack = "Error: no\n    at a (b:1:2)\n    at c {\n  code: 1\n}";
    assert.deepEqual(of(`one\n${stack}\ntwo`), ["one", stack, "two"]);
    const java = "E: x\n\tat a.b(C.java:1)\nCaused by: y\n\t... 2 more";
    assert.deepEqual(of(java), [java]);
    const python =
      'Traceback (most recent call last):\n  File "a", line 1\nKeyError: 1';
    assert.deepEqual(of(`${python}\nafter`), [python, "after"]);
  });

  test("and no others", () => {
    assert.deepEqual(of("a\nb\n\nc"), ["a", "b", "", "c"]);
  });

  test("of one stream of one worker", () => {
    assert.deepEqual(
      together([
        line("a"),
        line("b", "stderr"),
        { ...line("c"), pid: 43 },
        line("  1"),
        line("  2", "stderr"),
        { ...line("  3"), pid: 43 },
      ]).toSorted(),
      ["a\n  1", "b\n  2", "c\n  3"],
    );
  });

  test("have bounds", () => {
    const long = Array.from({ length: 1200 }, () => line("  x"));
    assert.deepEqual(
      together([line("a"), ...long]).map((text) => text.split("\n").length),
      [500, 500, 201],
    );
  });

  test("are not waited for", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    new StackLines((_, text) => resolve(text)).push(line("a"));
    assert.equal(await promise, "a");
  });
});
