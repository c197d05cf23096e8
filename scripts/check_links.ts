/**
 * That what the pages link to is there, headings too, and that the comparison
 * links a test for all that it claims.
 */

import { existsSync } from "node:fs";
import { unshown, wrongLinks } from "./lib/links.ts";
import { conclude, read } from "./lib/problems.ts";
import { filesBelow, ROOT } from "./lib/tree.ts";

const COMPARISON = "docs/COMPARISON.md";

const tree = { has: (path: string) => existsSync(ROOT + path), read };
conclude("links", [
  ...filesBelow("").filter((file) => file.endsWith(".md"))
    .flatMap((file) => wrongLinks(file, read(file), tree)),
  ...unshown(COMPARISON, read(COMPARISON)),
]);
