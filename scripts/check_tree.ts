/**
 * The rules of the tree, for every file of the library: imports point down,
 * nobody imports what another folder keeps to itself, there is no circle of
 * files and no ring of folders, names are made of the glossary's words, and
 * CONTRIBUTING's map has every folder.
 *
 * The core is free of runtimes beyond that. `tsc -p tsconfig.core.json` checks
 * it without the types of any runtime, so that `process` or `setTimeout` are
 * unknown names there; this script refuses the ways around the types.
 */

import { conclude, read } from "./lib/problems.ts";
import {
  circles,
  glossaryOf,
  importsOf,
  modulesOf,
  PARTS,
  unmapped,
  wrongImports,
  wrongNames,
} from "./lib/rules.ts";
import { codeOnly, lineOf } from "./lib/source.ts";
import { filesBelow } from "./lib/tree.ts";

/** What would reach a runtime behind the type checker's back. */
const WAYS_AROUND: readonly RegExp[] = [
  /(?<![\w$.#])globalThis\b/g,
  /(?<![\w$.#])eval\s*\(/g,
  /(?<![\w$.#])Function\s*\(/g,
  /(?<![\w$.#])declare\s+(?:global|module|namespace|const|let|var|function|class)\b/g,
];

const sources = new Map(
  filesBelow("")
    .filter((f) => f.endsWith(".ts") && PARTS.includes(f.split("/")[0] ?? ""))
    .map((file) => [file, read(file)]),
);
const modules = modulesOf(sources);
const { own, plain } = glossaryOf(read("docs/DESIGN.md"));

const problems = [
  ...wrongImports(modules),
  ...circles(modules),
  ...wrongNames([...sources.keys()], own, plain),
  ...unmapped(filesBelow(""), read("CONTRIBUTING.md")),
  ...[...sources].filter(([file]) => file.startsWith("core/"))
    .flatMap(([file, source]) => reachesRuntime(file, source)),
];
conclude("tree", problems);

function reachesRuntime(file: string, source: string): string[] {
  const code = codeOnly(source);
  const found: string[] = [];
  const at = (offset: number): string => `${file}:${lineOf(source, offset)}`;
  for (
    const { 0: text, index } of WAYS_AROUND.flatMap((way) => [
      ...code.matchAll(way),
    ])
  ) {
    found.push(`${at(index)}: "${text}" can reach a runtime, core/ may not`);
  }
  for (
    const { index } of source.matchAll(/@ts-(?:ignore|expect-error|nocheck)/g)
  ) {
    found.push(`${at(index)}: core/ may not silence the type checker`);
  }
  for (const { specifier, line } of importsOf(source)) {
    if (specifier?.startsWith(".") && specifier.endsWith(".ts")) continue;
    found.push(
      `${file}:${line}: "${
        specifier ?? "an expression"
      }" is imported, core/ may import its own files only`,
    );
  }
  return found;
}
