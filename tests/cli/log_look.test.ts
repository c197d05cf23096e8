/**
 * The time in front of a line, its colours, and where it is wrapped.
 *
 * Runs once, under bun: pure functions of texts and times, and on Bun there are two
 * ways to the time.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { hasColour, shown, toneOf } from "../../cli/log_colour.ts";
import { localTime, type LogTime, stampFor } from "../../cli/log_time.ts";
import { afterAll, describe, test } from "../harness.ts";

describe("the time", () => {
  const zone = process.env["TZ"];
  afterAll(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });
  const summer = new Date("2026-07-01T22:30:00.007Z");
  for (
    const [name, text] of [
      ["UTC", "2026-07-01T22:30:00.007+00:00"],
      [":/usr/share/zoneinfo/Etc/UTC", "2026-07-01T22:30:00.007+00:00"],
      ["Europe/Berlin", "2026-07-02T00:30:00.007+02:00"],
      ["America/St_Johns", "2026-07-01T20:00:00.007-02:30"],
      ["Asia/Kathmandu", "2026-07-02T04:15:00.007+05:45"],
    ] as const
  ) {
    test(`is that of ${name}, and names its distance from UTC`, () => {
      process.env["TZ"] = name;
      assert.equal(localTime(summer), text);
      assert.equal(Date.parse(text), summer.getTime());
    });
  }

  for (
    const [wanted, output, text] of [
      ["auto", {}, "2026-07-02T00:30:00.007+02:00 "],
      ["auto", { isTTY: true }, "00:30:00.007 "],
      ["auto", { isJournal: true }, ""],
      ["local", { isTTY: true }, "2026-07-02T00:30:00.007+02:00 "],
      ["local", { isJournal: true }, "2026-07-02T00:30:00.007+02:00 "],
      ["utc", { isTTY: true }, "2026-07-01T22:30:00.007Z "],
      ["off", {}, ""],
    ] as const satisfies readonly (readonly [LogTime, object, string])[]
  ) {
    test(`${wanted} at ${JSON.stringify(output)} is "${text}"`, () => {
      process.env["TZ"] = "Europe/Berlin";
      assert.equal(stampFor(wanted, output)(summer), text);
    });
  }
});

describe("colours", () => {
  for (
    const [isTTY, variables, expected] of [
      [true, {}, true],
      [false, {}, false],
      [true, { NO_COLOR: "1" }, false],
      [true, { NO_COLOR: "" }, true],
      [true, { TERM: "dumb" }, false],
      [true, { TERM: "xterm" }, true],
      [false, { FORCE_COLOR: "1" }, true],
      [true, { FORCE_COLOR: "0" }, false],
      [true, { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
    ] as const satisfies readonly (readonly [
      boolean,
      Record<string, string>,
      boolean,
    ])[]
  ) {
    const where = isTTY ? "a terminal" : "a pipe";
    test(`${JSON.stringify(variables)} at ${where}: ${expected}`, () => {
      const variable = (name: string): string | undefined =>
        Object.entries(variables).find(([key]) => key === name)?.[1];
      assert.equal(hasColour({ isTTY }, variable), expected);
    });
  }

  test("say what it means", () => {
    assert.equal(toneOf("ready", {}), "good");
    assert.equal(toneOf("warning", {}), "warn");
    assert.equal(toneOf("worker-exited", { reason: "crashed" }), "bad");
    assert.equal(toneOf("worker-exited", { reason: "recycled" }), "plain");
    assert.equal(toneOf("constructor", {}), "plain");
  });

  test("add nothing but themselves", () => {
    const words = ["prefork warning", 'message="a=b c"'];
    const text = shown("12:00 ", words, "warn", {
      colour: true,
      columns: undefined,
    });
    assert.equal(
      text,
      '\x1b[2m12:00 \x1b[0m\x1b[33mprefork warning\x1b[0m \x1b[2mmessage=\x1b[0m"a=b c"',
    );
  });
});

describe("a line that is too long", () => {
  const words = ["prefork what", "aaaa=1", "bbbb=2", "cccc=3"];
  const plain = { colour: false } as const;
  const wrapped = (columns: number | undefined, colour = false): string =>
    shown("T ", words, "plain", { colour, columns });

  test("is wrapped between fields", () => {
    assert.equal(wrapped(28), "T prefork what aaaa=1 bbbb=2\n    cccc=3");
    assert.equal(wrapped(27), "T prefork what aaaa=1\n    bbbb=2 cccc=3");
  });

  test("and on no pipe", () => {
    assert.equal(
      wrapped(undefined),
      "T prefork what aaaa=1 bbbb=2 cccc=3",
    );
  });

  test("in the same places with colours", () => {
    const without = (text: string): string =>
      // deno-lint-ignore no-control-regex
      text.replaceAll(/\x1b\[\d+m/g, "");
    for (let columns = 10; columns < 40; columns++) {
      assert.equal(without(wrapped(columns, true)), wrapped(columns));
    }
  });

  test("and a field that is longer than a line is left whole", () => {
    const long = `reason="${"x ".repeat(50)}"`;
    assert.equal(
      shown("", ["prefork what", long, "a=1"], "plain", {
        ...plain,
        columns: 40,
      }),
      `prefork what\n    ${long}\n    a=1`,
    );
  });
});
