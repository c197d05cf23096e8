/**
 * The rules of the tree: who may import whom, and how files are named. Pure
 * functions over sources, so that tests can plant what they must refuse.
 */

import { posix } from "node:path";
import { codeOnly, lineOf } from "./source.ts";

/** A file of the library and what it imports of ours. */
export interface Module {
  /** The path from the root. */
  readonly file: string;
  /** What it imports, types included. */
  readonly imports: readonly Edge[];
}

/** One import of one of our own files. */
export interface Edge {
  /** The path of what is imported, from the root. */
  readonly target: string;
  /** The line of the import, from 1. */
  readonly line: number;
}

/**
 * What each part of the tree may import, besides itself. Every arrow points
 * down; `mod.ts`, `worker.ts` and `cli.ts` stand above all of them.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  handles: ["core"],
  libc: ["core"],
  tls: ["core"],
  adapters: ["core", "handles", "libc", "tls"],
  worker: ["core", "handles", "libc", "tls"],
  cli: ["core"],
  "mod.ts": ["core", "adapters"],
  "worker.ts": ["core", "worker"],
  "cli.ts": ["core", "adapters", "cli"],
};

/** The parts of the tree that hold the library. */
export const PARTS: readonly string[] = Object.keys(MAY_IMPORT);

/** An import's start, with its specifier or what stands in its place. */
const IMPORT =
  /(?<![\w$.])(?:from(?=\s*["'])|import)\s*\(?\s*(?:"([^"]*)"|'([^']*)'|(\S+))/g;

/** Every import of a source, with what stands in the place of a specifier. */
export function importsOf(
  source: string,
): { readonly specifier: string | undefined; readonly line: number }[] {
  const code = codeOnly(source);
  const found = [];
  for (const match of source.matchAll(IMPORT)) {
    // A match inside of a comment or a string is no import.
    if (code[match.index] !== match[0][0]) continue;
    const specifier = match[1] ?? match[2];
    // `import { a } from`: the specifier comes with the "from".
    if (specifier === undefined && !match[0].includes("(")) continue;
    found.push({ specifier, line: lineOf(source, match.index) });
  }
  return found;
}

/** Reads the imports of our own files out of sources by path. */
export function modulesOf(sources: ReadonlyMap<string, string>): Module[] {
  return [...sources].map(([file, source]) => ({
    file,
    imports: importsOf(source).flatMap(({ specifier, line }) =>
      specifier?.startsWith(".")
        ? [{ target: posix.join(posix.dirname(file), specifier), line }]
        : []
    ),
  }));
}

/** Imports that point up, or into what another folder keeps to itself. */
export function wrongImports(modules: readonly Module[]): string[] {
  return modules.flatMap(({ file, imports }) =>
    imports.flatMap(({ target, line }) => {
      const edge = `${file}:${line}: imports "${target}"`;
      const from = partOf(file);
      const to = partOf(target);
      const allowed = MAY_IMPORT[from] ?? [];
      if (from !== to && !allowed.includes(to)) {
        return [
          `${edge}, but ${from} may import ${
            allowed.length === 0 ? "itself only" : allowed.join(", ")
          }: move what both need down`,
        ];
      }
      const isPrivate = posix.basename(target).startsWith("_");
      if (isPrivate && posix.dirname(target) !== posix.dirname(file)) {
        return [
          `${edge}, which is private to its folder: take away the "_" or import what stands before it`,
        ];
      }
      return [];
    })
  );
}

/** Circles of files, types included, and rings of folders in one part. */
export function circles(modules: readonly Module[]): string[] {
  const files = new Map(
    modules.map(({ file, imports }) => [file, imports.map((e) => e.target)]),
  );
  const problems = cyclesOf(files).map((circle) =>
    `${circle[0]}: a circle of imports: ${circle.join(" -> ")}`
  );
  const folders = new Map<string, string[]>();
  const because = new Map<string, string>();
  for (const { file, imports } of modules) {
    const from = folderOf(file);
    if (from === undefined) continue;
    const targets = folders.get(from) ?? [];
    folders.set(from, targets);
    for (const { target, line } of imports) {
      const to = folderOf(target);
      if (to === undefined || to === from) continue;
      targets.push(to);
      because.set(`${from} -> ${to}`, `${file}:${line} imports ${target}`);
    }
  }
  for (const ring of cyclesOf(folders)) {
    const edges = ring.slice(1).map((to, i) =>
      because.get(`${ring[i]} -> ${to}`)
    );
    problems.push(
      `${ring[0]}/: a ring of folders: ${ring.join(" -> ")} (${
        edges.join("; ")
      })`,
    );
  }
  return problems;
}

/**
 * Words in names of files and folders that no glossary has, words of the
 * glossary that no name uses, and those that need no meaning and have one.
 *
 * @param own words of ours, each with its meaning in the glossary
 * @param plain words of the field and of every day
 */
export function wrongNames(
  files: readonly string[],
  own: ReadonlySet<string>,
  plain: ReadonlySet<string>,
): string[] {
  const used = new Set<string>();
  const problems: string[] = [];
  for (const file of files) {
    for (const word of file.replace(/\.ts$/, "").split(/[/_]/)) {
      if (word === "") continue;
      // The glossary has a word once, names also in the plural.
      const forms = [word, word.replace(/s$/, "")];
      for (const form of forms) used.add(form);
      if (forms.some((form) => own.has(form) || plain.has(form))) continue;
      problems.push(
        `${file}: "${word}" is no word of the glossary in docs/DESIGN.md: take the field's word, or say there what it means`,
      );
    }
  }
  for (const word of plain) {
    const why = own.has(word)
      ? `"${word}" has a meaning of its own in the table`
      : used.has(word)
      ? undefined
      : `no file is named after "${word}"`;
    if (why !== undefined) {
      problems.push(`docs/DESIGN.md: ${why}, take it off the list`);
    }
  }
  return problems;
}

/**
 * Folders and pages that the map of the tree does not name: of the library every
 * folder, of the rest those in the root and, by their last name, those of tests.
 */
export function unmapped(files: readonly string[], map: string): string[] {
  const named = new Map<string, string>();
  for (const file of files) {
    const [root = "", below = "", ...rest] = file.split("/");
    // What begins with a dot is the tools' own of whoever works here.
    if (below === "" || root.startsWith(".")) continue;
    const folder = PARTS.includes(root) ? posix.dirname(file) : root;
    named.set(`${folder}/`, `${folder}/`);
    if (root === "tests" && rest.length > 0) {
      named.set(`tests/${below}/`, `${below}/`);
    }
    if (root === "docs" && below.endsWith(".md")) named.set(file, below);
  }
  return [...named].filter(([, name]) => !map.includes(`\`${name}\``))
    .map(([path]) =>
      `${path}: the map in CONTRIBUTING.md has it not, say there what it is`
    );
}

/** The words of the glossary: those with a meaning, and the plain ones. */
export function glossaryOf(
  design: string,
): { readonly own: ReadonlySet<string>; readonly plain: ReadonlySet<string> } {
  const section = /^## Words\n([\s\S]*?)^## /m.exec(design)?.[1] ?? "";
  const own = new Set<string>();
  for (const [, cell = ""] of section.matchAll(/^\| ([^|]+) \|/gm)) {
    for (const word of cell.matchAll(/[a-z]+/g)) own.add(word[0]);
  }
  const list = /^Words in the names of files[^:]*:\s*([\s\S]*?)\.\s*$/m
    .exec(section)?.[1] ?? "";
  const plain = new Set(list.split(/[\s,]+/).filter((word) => word !== ""));
  return { own, plain };
}

/** The part of the tree that a file belongs to. */
function partOf(file: string): string {
  return file.split("/")[0] ?? file;
}

/** The folder inside a part, such as `core/handoff`; undefined in its root. */
function folderOf(file: string): string | undefined {
  const [part, folder, ...rest] = file.split("/");
  return rest.length > 0 ? `${part}/${folder}` : undefined;
}

/**
 * One circle for each knot of a graph, each as the nodes on its way and the
 * first one again (Tarjan's strongly connected components).
 */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const knots: Set<string>[] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!graph.has(next)) continue;
      if (!order.has(next)) {
        visit(next);
        low.set(node, Math.min(low.get(node)!, low.get(next)!));
      } else if (stack.includes(next)) {
        low.set(node, Math.min(low.get(node)!, order.get(next)!));
      }
    }
    if (low.get(node) !== order.get(node)) return;
    const knot = new Set(stack.splice(stack.indexOf(node)));
    if (knot.size > 1) knots.push(knot);
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return knots.map((knot) => shortestCircle(graph, knot));
}

/** The shortest way from a node of a knot back to itself. */
function shortestCircle(
  graph: ReadonlyMap<string, readonly string[]>,
  knot: ReadonlySet<string>,
): string[] {
  let best: string[] | undefined;
  for (const start of [...knot].sort()) {
    const ways: string[][] = [[start]];
    const seen = new Set<string>();
    for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
      if (best !== undefined && way.length + 1 >= best.length) break;
      for (const next of graph.get(way.at(-1)!) ?? []) {
        if (next === start) {
          best = [...way, next];
          ways.length = 0;
          break;
        }
        if (!knot.has(next) || seen.has(next)) continue;
        seen.add(next);
        ways.push([...way, next]);
      }
    }
  }
  return best ?? [...knot];
}
