/**
 * The three runners laid side by side.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import { differences, skips } from "../../scripts/lib/compare.ts";
import { parseJunit, type Result } from "../../scripts/lib/junit.ts";
import type { Results, Runner } from "../../scripts/lib/runners.ts";
import { test } from "../harness.ts";

/** The same two tests, one of them skipped, as each runner reports them. */
const REPORTS: Readonly<Record<Runner, string>> = {
  vitest: `<testsuite name="tests/a.test.ts" tests="2">
    <testcase classname="tests/a.test.ts" name="s &gt; t &amp; &lt;u&gt; &gt; one" time="0.1">
    </testcase>
    <testcase classname="tests/a.test.ts" name="two # skipped: no root">
      <skipped/>
    </testcase></testsuite>`,
  deno:
    `<testcase name="s &gt; t &amp; &lt;u&gt; &gt; one" classname="./tests/harness.ts">
    </testcase>
    <testcase name="two" classname="./tests/harness.ts"></testcase>`,
  bun:
    `<testcase name="one" classname="t &amp; &lt;u&gt; &gt; s" file="tests/a.test.ts" />
    <testcase name="two" classname="" file="tests/a.test.ts">
      <failure type="AssertionError" message="1 !== 2&#10;">..</failure>
    </testcase>`,
};

const runs = (
  change: (results: Result[], runner: Runner) => Result[] = (same) => same,
): Map<Runner, Results> =>
  new Map(
    (Object.keys(REPORTS) as Runner[]).map((runner) => {
      const results = change(parseJunit(REPORTS[runner]), runner);
      return [runner, new Map([["tests/a.test.ts", results]])];
    }),
  );

test("the reports of the three runners say the same", () => {
  const outcomes = Object.values(REPORTS).map((xml) =>
    parseJunit(xml).map(({ name, outcome }) => `${name}: ${outcome}`)
  );
  assert.deepEqual(outcomes, [
    ["s > t & <u> > one: passed", "two # skipped: no root: skipped"],
    ["s > t & <u> > one: passed", "two: passed"],
    ["s > t & <u> > one: passed", "two: failed"],
  ]);
  assert.deepEqual(differences(runs()), []);
});

test("a test that one runner does not have is found", () => {
  const without = runs((all, runner) => runner === "bun" ? all.slice(1) : all);
  assert.deepEqual(differences(without), [
    "tests/a.test.ts: the counts differ: 2 vitest, 2 deno, 1 bun",
    `tests/a.test.ts: "s > t & <u> > one" is missing under bun`,
  ]);
});

test("a file that runs once has its tests under that runner, and only there", () => {
  const once = new Map([["tests/a.test.ts", "bun" as const]]);
  const alone = runs((all, runner) => runner === "bun" ? all : []);
  assert.deepEqual(differences(alone, once), []);
  assert.equal(differences(alone).length, 5);
  assert.deepEqual(differences(runs(() => []), once), [
    "tests/a.test.ts: no test under bun",
  ]);
});

test("a name may begin with the runtime under test", () => {
  const own = { vitest: "node", deno: "deno", bun: "bun" };
  const named = runs((all, runner) =>
    all.map((result) => ({ ...result, name: `${own[runner]} ${result.name}` }))
  );
  assert.deepEqual(differences(named), []);
  const all = runs((all) =>
    all.map((result) => ({ ...result, name: `node ${result.name}` }))
  );
  assert.deepEqual(differences(all), []);
  const wrong = runs((all, runner) =>
    runner === "vitest" ? all : all.map((result) => ({ ...result, name: "x" }))
  );
  assert.equal(differences(wrong).length, 3);
});

test("a file that is empty under all runners is found", () => {
  assert.deepEqual(differences(runs(() => [])), [
    "tests/a.test.ts: no test under vitest",
    "tests/a.test.ts: no test under deno",
    "tests/a.test.ts: no test under bun",
  ]);
});

test("a skip is listed with its reason, and refused without one", () => {
  assert.deepEqual(skips(runs()), {
    listed: ["tests/a.test.ts: two: no root (vitest)"],
    unexplained: [],
  });
  const silent = runs((all) =>
    all.map((result) => ({ ...result, name: "two", outcome: "skipped" }))
  );
  assert.equal(skips(silent).unexplained.length, 6);
});
