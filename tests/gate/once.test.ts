/**
 * Files that run under one runner alone, and what is run in one process.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { batches, FILL, type TestFile } from "../../scripts/lib/batches.ts";
import { onceOf } from "../../scripts/lib/once.ts";
import {
  commandOf,
  resultsOf,
  RUNNERS,
  THE_RUN,
} from "../../scripts/lib/runners.ts";
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
    together: [],
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
    together: path === "d" ? [] : ["vitest"],
    bundled: path === "d" ? ["vitest", "bun"] : [],
    once: undefined,
  }));
  const times = Object.fromEntries(
    Object.entries({ a: 0.9, b: 0.2, c: 0.05, d: 0.05 })
      .map(([path, part]) => [`vitest ${path}`, part * FILL.vitest]),
  );
  assert.deepEqual(batches(all, ["vitest"], times), [
    { runner: "vitest", files: ["a", "c"], together: true, bundled: false },
    { runner: "vitest", files: ["b"], together: true, bundled: false },
    { runner: "vitest", files: ["d"], together: false, bundled: true },
  ]);
});

test("Deno and Bun take at once what shares modules, a file each else", () => {
  const all = ["a", "b", "c", "d", "e", "f"].map((path): TestFile => ({
    path,
    slow: path > "b",
    together: path < "e" ? RUNNERS : ["vitest"],
    bundled: [],
    once: undefined,
  }));
  const times = Object.fromEntries(
    all.map(({ path }) => [`deno ${path}`, FILL.deno / 4]),
  );
  assert.deepEqual(
    batches(all, ["deno"], times).map(({ files }) => files),
    [["a", "b"], ["c", "d"], ["e"], ["f"]],
  );
});

test("what Deno says of several files is each file's", () => {
  const batch = {
    runner: "deno",
    files: ["tests/a.test.ts", "tests/b.test.ts"],
    together: true,
    bundled: false,
  } as const;
  assert.deepEqual(commandOf(batch, "r.xml", 1).slice(-4), [
    "tests/harness_deno_batch.ts",
    "--",
    ...batch.files,
  ]);
  const directory = mkdtempSync(join(tmpdir(), "prefork-junit-"));
  try {
    const report = join(directory, "r.xml");
    const tests = ["tests/b.test.ts # x &gt; one # skipped: why", "tests/c # y"]
      .map((name) => `<testcase name="${name}" classname="h" time="1"/>`);
    writeFileSync(report, tests.join("\n"));
    const found = resultsOf(batch, report, { code: 0, problems: [] });
    const names = [...found].map(([file, own]) => [
      file.startsWith(THE_RUN) ? THE_RUN : file,
      own.map(({ name }) => name),
    ]);
    assert.deepEqual(names, [
      ["tests/a.test.ts", []],
      ["tests/b.test.ts", ["x > one # skipped: why"]],
      [THE_RUN, ["y"]],
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
