/**
 * The core is free of runtimes. `tsc -p tsconfig.core.json` checks it without
 * the types of any runtime, so that `process` or `setTimeout` are unknown
 * names there; this script refuses the ways around the types, and imports from
 * outside of `core/`.
 */

import { codeOnly, lineOf } from "./lib/source.ts";
import { conclude, read } from "./lib/problems.ts";
import { filesBelow } from "./lib/tree.ts";

/** What would reach a runtime behind the type checker's back. */
const WAYS_AROUND: readonly RegExp[] = [
  /(?<![\w$.#])globalThis\b/g,
  /(?<![\w$.#])eval\s*\(/g,
  /(?<![\w$.#])Function\s*\(/g,
  /(?<![\w$.#])declare\s+(?:global|module|namespace|const|let|var|function|class)\b/g,
];

/** An import's start, with its specifier or what stands in its place. */
const IMPORT =
  /(?<![\w$.])(?:from(?=\s*["'])|import)\s*\(?\s*(?:"([^"]*)"|'([^']*)'|(\S+))/g;

const problems: string[] = [];
for (const file of filesBelow("core").filter((f) => f.endsWith(".ts"))) {
  const source = read(file);
  const code = codeOnly(source);
  const at = (offset: number): string => `${file}:${lineOf(source, offset)}`;
  for (
    const { 0: text, index } of WAYS_AROUND.flatMap((
      way,
    ) => [...code.matchAll(way)])
  ) {
    problems.push(`${at(index)}: "${text}" can reach a runtime, core/ may not`);
  }
  for (
    const { index } of source.matchAll(/@ts-(?:ignore|expect-error|nocheck)/g)
  ) {
    problems.push(`${at(index)}: core/ may not silence the type checker`);
  }
  for (const match of source.matchAll(IMPORT)) {
    // A match inside of a comment or a string is no import.
    if (code[match.index] !== match[0][0]) continue;
    const target = match[1] ?? match[2];
    // `import { a } from`: the specifier comes with the "from".
    if (target === undefined && !match[0].includes("(")) continue;
    if (target === undefined || !/^\.\/[\w/]+\.ts$/.test(target)) {
      const what = target ?? match[3];
      problems.push(
        `${
          at(match.index)
        }: "${what}" is imported, core/ may import "./name.ts" only`,
      );
    }
  }
}
conclude("core", problems);
