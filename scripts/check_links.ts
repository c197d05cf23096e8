/**
 * That what the pages link to is there, headings too, and what pages and
 * comments name by its path; and that the comparison links a test for all that
 * it claims.
 */

import { existsSync } from "node:fs";
import { unshown, wrongLinks, wrongPaths } from "./lib/links.ts";
import { conclude, read } from "./lib/problems.ts";
import { filesBelow, ROOT } from "./lib/tree.ts";

const COMPARISON = "docs/COMPARISON.md";

const files = filesBelow("");
const tree = { has: (path: string) => existsSync(ROOT + path), read };
conclude("links", [
  ...files.filter((file) => file.endsWith(".md"))
    .flatMap((file) => wrongLinks(file, read(file), tree)),
  // The tests of the gate's scripts plant what these refuse.
  ...files.filter((file) => /^(?!tests\/gate\/).*\.(?:md|ts)$/.test(file))
    .flatMap((file) => wrongPaths(file, read(file), tree)),
  ...unshown(COMPARISON, read(COMPARISON)),
]);
