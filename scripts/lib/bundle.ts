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
  "worker/preload_require": "worker/preload_require.ts",
};

/** What a pool loads, and what each worker of an unmodified program does. */
const POOL = ["cli.ts", "adapters/pool.ts"];
const ADAPTERS = ["adapters/node.ts", "adapters/deno.ts", "adapters/bun.ts"];
const WORKER = ["patch/start", "process/permission", "patch/path"].map((name) =>
  `worker/${name}.ts`
);

/** What the command loads before all else. */
const FIRST = ["adapters/shared/compile_cache.ts"];

/** What a worker imports, and a program that exports its handler needs too. */
const SERVE = "worker/serve.ts";

/** What has the servers of Bun, and those of Deno, serve a handler. */
const NATIVE = "worker/native.ts";

/** What such a worker loads besides on Bun, and on Deno. */
const ON_BUN = ["patch_spawn", "http", "patch_serve", "patch_listen", "fetch"]
  .map((name) => `worker/bun/${name}.ts`);
const ON_DENO = ["patch_serve", "patch_listen", "fetch"].map((name) =>
  `worker/deno/${name}.ts`
);

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
    plugins: [BUILTINS, DETOURS, LATE, LINES, FINISHED],
    // How long a plugin takes on a busy machine is no fault.
    checks: { bundlerTimings: false },
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
    // The names of classes and methods stay, for stack traces and reports of
    // faults; those of functions (4 % of what is downloaded) and variables, spaces
    // and what explains the sources go. Statements are shortened but not joined:
    // each is to have a line (below), which says where a fault was.
    minify: {
      compress: {
        target: "es2023",
        joinVars: false,
        sequences: false,
        keepNames: KEPT,
      },
      mangle: { keepNames: KEPT },
      codegen: { removeWhitespace: true },
    },
    comments: { legal: true, annotation: true, jsdoc: false },
  });
  await build.close();
  return complaints;
}

/** Of what the names stay. */
const KEPT = { function: false, class: true } as const;

/** How rolldown tells what a module imports. */
interface Graph {
  getModuleInfo(
    id: string,
  ): { readonly importedIds: string[]; readonly isEntry: boolean } | null;
}

/** The file of a module that is loaded at once; others are split by default. */
function groupOf(id: string, graph: Graph): string | null {
  if (graph.getModuleInfo(id)?.isEntry === true) return null;
  if (isBelow(id, FIRST, graph)) return "compile_cache";
  const pool = isBelow(id, POOL, graph) ||
    ADAPTERS.every((adapter) => isBelow(id, [adapter], graph));
  if (!isBelow(id, WORKER, graph)) {
    if (pool) return "pool";
    const [, deno, bun] = ADAPTERS.map((each) => isBelow(id, [each], graph));
    // By libc, where Node has its own means.
    if (deno && bun) return "sockets";
    const [onBun, onDeno] = [ON_BUN, ON_DENO].map((on) =>
      isBelow(id, [...on, NATIVE], graph)
    );
    if (onBun && onDeno) return "native";
    if (onBun || onDeno) return onBun ? "on_bun" : "on_deno";
    return isBelow(id, [SERVE], graph) ? "serve" : null;
  }
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
      /^import (?:(?:\* as )?([\w$]+)(?:, )?)?(?:\{ (.+) \} )?\s*from "(node:.+)";$/gm,
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
 * Leaves out the files that only pass on what another one exports, which are
 * made where a module that is imported on demand is in a file with others.
 */
const DETOURS: Plugin = {
  name: "detours",
  generateBundle: (_options, files) => {
    for (const [file, detour] of Object.entries(files)) {
      if (
        detour.type !== "chunk" || detour.isEntry ||
        Object.keys(detour.modules).length > 0
      ) continue;
      const instead = wayOf(detour.code);
      const name = file.slice(file.lastIndexOf("/") + 1);
      for (const each of Object.values(files)) {
        if (each.type !== "chunk") continue;
        each.code = each.code.replaceAll(
          new RegExp(`import\\(\`([./\\w]*)/${name}\`\\)`, "g"),
          (_import, directory: string) => instead(directory),
        );
      }
      delete files[file];
    }
  },
};

/** What to write for the import of a file that only passes on. */
function wayOf(code: string): (directory: string) => string {
  const imported = new Map<string, { from: string; name: string }>();
  const members: string[] = [];
  const sources = new Set<string>();
  for (const node of parseSync("chunk.js", code).program.body) {
    if (node.type === "ImportDeclaration") {
      for (const specifier of node.specifiers) {
        if (specifier.type !== "ImportSpecifier") continue;
        const name = nameOf(specifier.imported);
        imported.set(specifier.local.name, { from: node.source.value, name });
      }
    } else if (node.type === "ExportNamedDeclaration") {
      for (const { local, exported } of node.specifiers) {
        const member = node.source === null
          ? imported.get(nameOf(local))
          : { from: node.source.value, name: nameOf(local) };
        if (member === undefined) continue;
        sources.add(member.from);
        members.push(`${nameOf(exported)}:e.${member.name}`);
      }
    }
  }
  const [from] = sources;
  if (from === undefined || sources.size > 1) {
    throw new Error(`Cannot do without a file: ${code}`);
  }
  return (directory) =>
    `import(\`${directory}${from.slice(1)}\`).then(e=>({${members.join()}}))`;
}

function nameOf(node: object): string {
  const { name, value } = node as Record<string, unknown>;
  return String(name ?? value);
}

/**
 * Has the command load what it consists of after its first statement, which
 * turns on what keeps it compiled: an `import` would come before.
 */
const LATE: Plugin = {
  name: "late",
  generateBundle: (_options, files) => {
    const file = files["cli.js"];
    if (file?.type !== "chunk") throw new Error("There is no cli.js");
    const { code } = file;
    const { body } = parseSync("chunk.js", code).program;
    const first = body.find(({ type }) => type === "ExpressionStatement");
    if (first === undefined) throw new Error("cli.js has no first statement");
    const early: string[] = [];
    const late: string[] = [];
    let end = 0;
    for (const node of body) {
      if (node.type !== "ImportDeclaration") continue;
      const text = code.slice(node.start, node.end);
      end = node.end;
      if (/\/compile_cache\.js"/.test(text)) early.push(text);
      else {
        late.push(
          text.replace(/^import/, "const").replaceAll(" as ", ":")
            .replace(/from("[^"]+");?$/, "=await import($1);"),
        );
      }
    }
    const head = code.slice(0, body[0]!.start);
    const given = code.slice(first.start, first.end);
    const rest = code.slice(end, first.start) + code.slice(first.end);
    file.code = [head, ...early, given, ...late, rest].join("");
  },
};

/**
 * Gives each statement a line of its own, for 1 % of what is downloaded: a place
 * in a stack trace is a statement, and of an error that nobody catches a runtime
 * shows that line and not the whole file.
 */
const LINES: Plugin = {
  name: "lines",
  generateBundle: (_options, files) => {
    for (const file of Object.values(files)) {
      if (file.type === "chunk") file.code = inLines(file.code);
    }
  },
};

/**
 * Tells Bun that there is nothing to be transpiled, as what `bun build` makes
 * does: it reads the files once instead of twice.
 */
const FINISHED: Plugin = {
  name: "finished",
  generateBundle: (_options, files) => {
    for (const file of Object.values(files)) {
      if (file.type !== "chunk") continue;
      file.code = file.code.replace(/^(?:#!.*\n)?/, "$&// @bun\n");
    }
  },
};

/** The code with a line for each statement and for each member of a class. */
export function inLines(code: string): string {
  const { program } = parseSync("chunk.js", code);
  const starts = new Set<number>();
  const visit = (node: object): void => {
    const { type, body } = node as Record<string, unknown>;
    if (HOLDERS.has(type as string)) {
      for (const { start } of body as { start: number }[]) starts.add(start);
    }
    for (const value of Object.values(node)) {
      if (typeof value === "object" && value !== null) visit(value);
    }
  };
  visit(program);
  let result = "";
  let done = 0;
  for (const start of [...starts].sort((a, b) => a - b)) {
    const before = code.slice(done, start);
    result += start === 0 || code[start - 1] === "\n" ? before : `${before}\n`;
    done = start;
  }
  return result + code.slice(done);
}

/** What has statements or members one after the other. */
const HOLDERS = new Set([
  "Program",
  "BlockStatement",
  "StaticBlock",
  "ClassBody",
]);
