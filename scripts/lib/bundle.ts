/**
 * How the library is bundled: what goes into which file of `dist`.
 *
 * @module
 */

import { type Plugin, rolldown } from "rolldown";
import { parseSync } from "rolldown/utils";
import { ROOT } from "./tree.ts";

/** What users import, run, and what workers load by its path. */
const ENTRIES = {
  mod: "mod.ts",
  worker: "worker.ts",
  cli: "cli.ts",
  "worker/preload": "worker/preload.ts",
};

/** What a pool loads, and what each worker of an unmodified program does. */
const POOL = ["cli.ts", "adapters/pool.ts"];
const ADAPTERS = ["adapters/node.ts", "adapters/deno.ts", "adapters/bun.ts"];
const WORKER = ["worker/patch/start.ts", "worker/patch/permission.ts"];

/**
 * Bundles the library into a directory.
 *
 * @returns what the bundler complains about
 */
export async function bundle(directory: string): Promise<string[]> {
  const complaints: string[] = [];
  const build = await rolldown({
    cwd: ROOT,
    input: ENTRIES,
    platform: "node",
    preserveEntrySignatures: "allow-extension",
    external: /^(node|bun):/,
    transform: {
      target: "es2023",
      // Its module ends up in a chunk (adapters/shared/preload.ts).
      define: { PRELOAD_FILE: '"../worker/preload.js"' },
    },
    plugins: [BUILTINS, INDENTATION],
    onLog: (_level, log) => void complaints.push(`rolldown: ${log.message}`),
  });
  await build.write({
    dir: directory,
    format: "esm",
    chunkFileNames: "chunks/[name].js",
    // What is loaded together is one file: each costs 1 to 2 ms (Node 26.10).
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ name: groupOf, debugName: "by who loads it" }],
    },
    // The names of functions and the lines stay, for stack traces; those of
    // variables, a fifth of what is downloaded, and what explains the sources go.
    minify: {
      compress: false,
      mangle: { keepNames: true },
      codegen: { removeWhitespace: false },
    },
    comments: { legal: true, annotation: true, jsdoc: false },
  });
  await build.close();
  return complaints;
}

/** How rolldown tells what a module imports. */
interface Graph {
  getModuleInfo(
    id: string,
  ): { readonly importedIds: string[]; readonly isEntry: boolean } | null;
}

/** The file of a module that is loaded at once; others are split by default. */
function groupOf(id: string, graph: Graph): string | null {
  if (graph.getModuleInfo(id)?.isEntry === true) return null;
  const pool = isBelow(id, POOL, graph);
  if (!isBelow(id, WORKER, graph)) return pool ? "pool" : null;
  // A supervisor must not load a worker's part for the sake of libc.
  return pool || isBelow(id, ADAPTERS, graph) ? "shared" : "attached";
}

function isBelow(id: string, roots: readonly string[], graph: Graph): boolean {
  const seen = new Set(roots.map((root) => ROOT + root));
  for (const each of seen) {
    for (const next of graph.getModuleInfo(each)?.importedIds ?? []) {
      seen.add(next);
    }
  }
  return seen.has(id);
}

/**
 * Takes node's own modules as objects and not by `import`: Node's `import`
 * reads every export of a module, those too that load something when they are
 * read - undici for `node:http`, WebCrypto for `node:crypto`, the diagnostic
 * report for `node:process`.
 */
const BUILTINS: Plugin = {
  name: "builtins",
  renderChunk: (code) =>
    code.replaceAll(
      /^import (?:([\w$]+)(?:, )?)?(?:\{ (.+) \} )?\s*from "(node:.+)";$/gm,
      (_line, whole?: string, names?: string, module?: string) => {
        const got = module === "node:process"
          ? "globalThis.process"
          : `globalThis.process.getBuiltinModule("${module}")`;
        const members = names?.replaceAll(" as ", ": ");
        return [
          ...(whole === undefined ? [] : [`const ${whole} = ${got};`]),
          ...(members === undefined ? [] : [`const { ${members} } = ${got};`]),
        ].join(" ");
      },
    ),
};

/**
 * Takes the indentation away, 4 % of what is downloaded; lines stay, for stack
 * traces, and so does the inside of texts.
 */
const INDENTATION: Plugin = {
  name: "indentation",
  generateBundle: (_options, files) => {
    for (const file of Object.values(files)) {
      if (file.type === "chunk") file.code = withoutIndentation(file.code);
    }
  },
};

/** The code with each line at its left edge, but for lines within a text. */
export function withoutIndentation(code: string): string {
  const { program } = parseSync("chunk.js", code);
  const texts: [start: number, end: number][] = [];
  const visit = (node: object): void => {
    for (const value of Object.values(node)) {
      if (typeof value !== "object" || value === null) continue;
      const { type, start, end } = value as Record<string, unknown>;
      if (type === "TemplateElement") {
        texts.push([start as number, end as number]);
      } else visit(value);
    }
  };
  visit(program);
  texts.sort(([a], [b]) => a - b);
  let at = 0;
  return code.replaceAll(/^[\t ]+/gm, (space, offset: number) => {
    while (at < texts.length && texts[at]![1] < offset) at++;
    const text = texts[at];
    return text !== undefined && text[0] < offset && offset <= text[1]
      ? space
      : "";
  });
}
