/**
 * The links of the pages.
 *
 * Runs once, under vitest: the gate's scripts are Node's.
 */
import assert from "node:assert/strict";
import {
  anchorsOf,
  linksOf,
  unshown,
  wrongLinks,
  wrongPaths,
} from "../../scripts/lib/links.ts";
import { describe, test } from "../harness.ts";

const PAGES: Readonly<Record<string, string>> = {
  "README.md": "# One",
  "docs/A.md": "# A\n\n## It's `--b`, and [c](C.md)\n\n## Twice\n\n## Twice\n",
  "tests/pool/a.test.ts": "",
};
const tree = {
  has: (path: string) => path in PAGES,
  read: (path: string) => PAGES[path]!,
};

describe("a link", () => {
  test("leads to what is there, from the page that it is on", () => {
    const page = `[one](../README.md) ![two](A.md#twice-1)
[three](#here) [four](https://github.com/prefork/prefork/blob/main/docs/A.md)
# Here`;
    const all = { ...tree, read: () => `${page}\n${PAGES["docs/A.md"]}` };
    assert.deepEqual(wrongLinks("docs/A.md", page, all), []);
    assert.deepEqual(
      linksOf("docs/A.md", page).map(({ path, line }) => [path, line]),
      [["README.md", 1], ["docs/A.md", 1], ["docs/A.md", 2], ["docs/A.md", 2]],
    );
  });

  test("to no file and to no heading is refused with its line", () => {
    const page = `[one](A.md#its---b-and-c)

[two](B.md) [three](A.md#thrice)
[four](https://github.com/prefork/prefork/tree/main/src)`;
    assert.deepEqual(wrongLinks("docs/X.md", page, tree), [
      "docs/X.md:3: there is no docs/B.md",
      'docs/X.md:3: docs/A.md has no heading "#thrice"',
      "docs/X.md:4: there is no src",
    ]);
  });

  test("elsewhere, and one in code, is none of ours", () => {
    const page = "[a](https://example.org/b.md) `[b](B.md)`\n\n```md\n" +
      "[c](C.md)\n```\n";
    assert.deepEqual(linksOf("docs/X.md", page), []);
  });

  test("names a heading as GitHub does", () => {
    assert.deepEqual(
      [...anchorsOf(PAGES["docs/A.md"]!)],
      ["a", "its---b-and-c", "twice", "twice-1"],
    );
  });
});

test("a path that is named is there", () => {
  const page = "`docs/A.md` and `lib/app.ts`,\n`tests/pool/b_test.ts`";
  assert.deepEqual(wrongPaths("docs/X.md", page, tree), [
    "docs/X.md:2: there is no tests/pool/b_test.ts",
  ]);
});

test("a comparison claims nothing that it links no test for", () => {
  const page = `
| what | prefork                         | another |
| ---- | ------------------------------- | ------- |
| one  | yes ([test](../tests/a.test.ts)) | yes     |
| two  | no                              | yes     |
| four | none yet, but soon              | no      |
| five | yes ([page](A.md))              | no      |

| no | such column |
| -- | ----------- |
| it | yes         |
`;
  assert.deepEqual(unshown("docs/X.md", page), [
    'docs/X.md:6: "four" links no test',
    'docs/X.md:7: "five" links no test',
  ]);
});
