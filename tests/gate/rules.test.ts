/**
 * The rules of the tree.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import {
  circles,
  glossaryOf,
  modulesOf,
  unmapped,
  wrongImports,
  wrongNames,
} from "../../scripts/lib/rules.ts";
import { describe, test } from "../harness.ts";

/** A tree in which everything is right. */
const TREE: Readonly<Record<string, string>> = {
  "cli.ts": `import { Pool } from "./adapters/pool.ts";`,
  "adapters/pool.ts": `import { run } from "../core/launch/run.ts";
    export { own } from "./node/own.ts";`,
  "adapters/node/own.ts": `import { call } from "../../libc/call.ts";
    import { inner } from "./_inner.ts";`,
  "adapters/node/_inner.ts": `export const inner = "../../cli.ts";`,
  "libc/call.ts": `import type { Adapter } from "../core/adapter.ts";`,
  "core/adapter.ts": "",
  "core/launch/run.ts": `import { one } from "../options/one.ts";`,
  "core/options/one.ts": `// import { run } from "../launch/run.ts";`,
};

function problemsOf(planted: Readonly<Record<string, string>>): string[] {
  const modules = modulesOf(new Map(Object.entries({ ...TREE, ...planted })));
  return [...wrongImports(modules), ...circles(modules)];
}

describe("imports", () => {
  test("a tree in order has no problem", () => {
    assert.deepEqual(problemsOf({}), []);
  });

  test("an import that points up is refused with its line", () => {
    const [problem, ...more] = problemsOf({
      "core/adapter.ts": `\nimport { Pool } from "../adapters/pool.ts";`,
      "libc/call.ts": "",
    });
    assert.match(
      problem ?? "",
      /^core\/adapter\.ts:2: imports "adapters\/pool\.ts", but core may import itself only/,
    );
    assert.deepEqual(more, []);
  });

  test("a type and an import() that point up are refused too", () => {
    for (
      const up of [
        `import type { Pool } from "../adapters/pool.ts";`,
        `export * from "../adapters/pool.ts";`,
        `const pool = await import("../adapters/pool.ts");`,
      ]
    ) assert.equal(problemsOf({ "tls/up.ts": up }).length, 1, up);
  });

  test("what a folder keeps to itself is refused elsewhere", () => {
    const [problem] = problemsOf({
      "adapters/bun.ts": `import { inner } from "./node/_inner.ts";`,
    });
    assert.match(
      problem ?? "",
      /^adapters\/bun\.ts:1: .*"adapters\/node\/_inner\.ts", which is private/,
    );
  });

  test("a circle is refused with its way, types included", () => {
    assert.deepEqual(
      problemsOf({
        "core/a.ts": `import type { B } from "./b.ts";`,
        "core/b.ts": `import { c } from "./c.ts";`,
        "core/c.ts": `import { a } from "./a.ts"; import "./adapter.ts";`,
      }),
      [
        "core/a.ts: a circle of imports: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts",
      ],
    );
  });

  test("a ring of folders is refused with the imports that make it", () => {
    assert.deepEqual(
      problemsOf({
        "core/options/two.ts": `import { three } from "../launch/three.ts";`,
        "core/launch/three.ts": "",
      }),
      [
        "core/launch/: a ring of folders: core/launch -> core/options -> core/launch (core/launch/run.ts:1 imports core/options/one.ts; core/options/two.ts:1 imports core/launch/three.ts)",
      ],
    );
  });
});

describe("names", () => {
  const DESIGN = `# Design

## Words

| word           | meaning            |
| -------------- | ------------------ |
| slot / worker  | a number / process |

Words in the names of files that need no explanation: core, read,
address.

## More

| gadget | not in the glossary |
`;
  const { own, plain } = glossaryOf(DESIGN);

  test("the glossary is read out of the table and the list", () => {
    assert.ok(own.has("slot") && own.has("worker"));
    assert.ok(!own.has("gadget"));
    assert.deepEqual([...plain], ["core", "read", "address"]);
  });

  test("a coined name is refused", () => {
    const files = ["core/slots.ts", "core/read_gizmo.ts", "core/address.ts"];
    const [problem, ...more] = wrongNames(files, own, plain);
    assert.match(problem ?? "", /^core\/read_gizmo\.ts: "gizmo" is no word/);
    assert.deepEqual(more, []);
  });

  test("a word that names nothing any more is refused", () => {
    const [problem, ...more] = wrongNames(["core/read.ts"], own, plain);
    assert.match(problem ?? "", /no file is named after "address"/);
    assert.deepEqual(more, []);
  });

  test("a word with a meaning of its own is refused among the plain ones", () => {
    const files = ["core/slot.ts", "core/read.ts", "core/address.ts"];
    const [problem, ...more] = wrongNames(
      files,
      own,
      new Set([...plain, "slot"]),
    );
    assert.match(problem ?? "", /"slot" has a meaning of its own in the table/);
    assert.deepEqual(more, []);
  });
});

test("a folder that the map has not is refused", () => {
  const files = ["cli.ts", "core/pool.ts", "core/listeners/shards.ts"];
  const [problem, ...more] = unmapped(
    files,
    "`core/` the pool, core/listeners",
  );
  assert.match(problem ?? "", /^core\/listeners\/: the map/);
  assert.deepEqual(more, []);
});

test("a folder and a page beside the library that the map has not are refused", () => {
  const files = ["tools/a.json", "tests/b/c.ts", "tests/d.ts", "docs/E.md"];
  assert.deepEqual(
    unmapped(files, "`tests/` `docs/` `bench/`").map((each) =>
      each.split(":")[0]
    ),
    ["tools/", "tests/b/", "docs/E.md"],
  );
});
