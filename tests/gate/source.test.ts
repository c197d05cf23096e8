/**
 * What is code in a source.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import { codeOnly, lineOf } from "../../scripts/lib/source.ts";
import { test } from "../harness.ts";

const CASES: readonly (readonly [string, string, string])[] = [
  ["a line comment", "a // b\nc", "a     \nc"],
  ["a comment over lines", "a /* b\n * c */ d", "a     \n        d"],
  ["strings", `f("a\\"b", 'c"d')`, `f("    ", '   ')`],
  ["a string with a comment in it", `"//" + a`, `"  " + a`],
  ["a template", "`a ${b} c`", "`   (b)  `"],
  ["a template in a template", "`${`a${b}`}{` + c", "` (`  (b)`) ` + c"],
  ["braces in a template", "`${f({ a: {} })}` + b", "` (f({ a: {} }))` + b"],
  ["a regular expression", `a = /["'\\/[/]/g`, `a = /        /g`],
  ["one after a keyword", "return /a/.test(b)", "return / /.test(b)"],
  ["divisions", "a / b / c; (d) / 2; e[0] / 3", "a / b / c; (d) / 2; e[0] / 3"],
  ["a division after a string", `"a" / 2 / b`, `" " / 2 / b`],
  ["a shebang", "#!/usr/bin/env node\na", "                   \na"],
  ["an open string", `"a\nb`, `" \nb`],
];

for (const [what, source, code] of CASES) {
  test(`only code is left of ${what}`, () => {
    assert.equal(codeOnly(source), code);
    assert.equal(codeOnly(source).length, source.length);
  });
}

test("an offset is on its line", () => {
  assert.deepEqual([0, 1, 2, 4].map((at) => lineOf("a\nb\nc", at)), [
    1,
    1,
    2,
    3,
  ]);
});
