/**
 * Files that run under one runner alone, and what is run in one process.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import { batches, FILL, type TestFile } from "../../scripts/lib/batches.ts";
import { onceOf } from "../../scripts/lib/once.ts";
import { RUNNERS } from "../../scripts/lib/runners.ts";
import { test } from "../harness.ts";

const SAID = `/**
 * What the test is about.
 *
 * Runs once, under bun: all that it starts are Bun's, whatever
 * runs it.
 */
import assert from "node:assert/strict";
`;

test("a file says that it runs once, where and why", () => {
  assert.deepEqual(onceOf("a.test.ts", SAID), {
    runner: "bun",
    why: "all that it starts are Bun's, whatever runs it.",
  });
  const more = SAID.replace("it.\n */", "it.\n *\n * And more.\n */");
  assert.deepEqual(onceOf("a.test.ts", more), onceOf("a.test.ts", SAID));
});

test("a file that says nothing runs under each runner", () => {
  assert.equal(onceOf("a.test.ts", `import "./b.ts";\n`), undefined);
  assert.equal(onceOf("a.test.ts", "/** Runs. */\n"), undefined);
});

test("an unreadable word about it is refused", () => {
  for (const wrong of ["under node: why", "under bun", "somewhere"]) {
    assert.throws(
      () => onceOf("a.test.ts", `/** Runs once, ${wrong} */\n`),
      { name: "TypeError", message: /a\.test\.ts .*"Runs once, under vitest:/ },
    );
  }
});

test("such a file is in the queue of its runner alone, others in each", () => {
  const file = (path: string, more: Partial<TestFile> = {}): TestFile => ({
    path,
    slow: true,
    together: false,
    bundled: [],
    once: undefined,
    ...more,
  });
  const all = [
    file("a"),
    file("b", { once: { runner: "bun", why: "of Bun" } }),
  ];
  const queued = batches(all, RUNNERS, {}).map(({ runner, files }) =>
    `${runner} ${files.join(" ")}`
  );
  assert.deepEqual(queued, ["vitest a", "deno a", "bun a", "bun b"]);
});

test("vitest takes small files at once, those without processes apart", () => {
  const all = ["a", "b", "c", "d"].map((path): TestFile => ({
    path,
    slow: path === "d",
    together: path !== "d",
    bundled: path === "d" ? ["vitest", "bun"] : [],
    once: undefined,
  }));
  const times = Object.fromEntries(
    Object.entries({ a: 0.9, b: 0.2, c: 0.05, d: 0.05 })
      .map(([path, part]) => [`vitest ${path}`, part * FILL]),
  );
  assert.deepEqual(batches(all, ["vitest"], times), [
    { runner: "vitest", files: ["a", "c"], together: true, bundled: false },
    { runner: "vitest", files: ["b"], together: true, bundled: false },
    { runner: "vitest", files: ["d"], together: false, bundled: true },
  ]);
});
