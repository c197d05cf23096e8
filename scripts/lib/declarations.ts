/**
 * Makes one declaration file of an entry out of those of its modules: what users
 * can reach from the entry and nothing else, each under one name.
 *
 * @module
 */

import { posix } from "node:path";
import { parseSync } from "rolldown/utils";

/** A node of the syntax tree (ESTree with TypeScript's nodes). */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** Something in a module: the module's path and a name in it. */
interface Place {
  readonly file: string;
  readonly name: string;
}

/** A statement that declares names. */
interface Declaration {
  /** Where its text begins, with its own comment. */
  readonly from: number;
  readonly node: Node;
}

/** A parsed module. */
interface Module {
  readonly text: string;
  /** The comment that says what the module is. */
  readonly head: string;
  readonly declared: ReadonlyMap<string, readonly Declaration[]>;
  /** What a name of another module is called here. */
  readonly imported: ReadonlyMap<string, Place>;
  /** What it exports, by the names for others. */
  readonly exported: ReadonlyMap<string, Place>;
}

/** Modules that are not ours, as in `node:net`. */
const isForeign = (file: string): boolean => !file.endsWith(".ts");

/**
 * Bundles the declarations of an entry.
 *
 * @param entry the path of the entry, as in `mod.ts`
 * @param read the declarations of a module by its path
 * @throws {Error} for what cannot be bundled
 */
export function bundleDeclarations(
  entry: string,
  read: (file: string) => string,
): string {
  const modules = new Map<string, Module>();
  const moduleOf = (file: string): Module => {
    const known = modules.get(file) ?? parse(file, read(file));
    modules.set(file, known);
    return known;
  };
  const find = (place: Place): Place => {
    if (isForeign(place.file)) return place;
    const { declared, imported, exported } = moduleOf(place.file);
    const next = exported.get(place.name) ?? imported.get(place.name);
    if (next?.file === place.file && next.name === place.name) return place;
    if (next !== undefined) return find(next);
    if (declared.has(place.name)) return place;
    throw new Error(`Cannot find "${place.name}" in ${place.file}`);
  };
  const at = (file: string, name: string): Place | undefined => {
    const { declared, imported } = moduleOf(file);
    if (declared.has(name)) return { file, name };
    const from = imported.get(name);
    return from && find(from);
  };

  const exports = [...moduleOf(entry).exported.keys()].map((name) =>
    [name, find({ file: entry, name })] as const
  );
  const names = new Names();
  for (const [name, place] of exports) names.reserve(place, name);
  const reached = new Set(exports.map(([, place]) => keyOf(place)));
  const queue = exports.map(([, place]) => place);
  const foreign = new Map<string, string[]>();
  const parts: string[] = [];
  const written = new Set<string>();
  const globals = new Set<string>();
  for (const place of queue) {
    const own = names.of(place);
    if (isForeign(place.file)) {
      const list = foreign.get(place.file) ?? [];
      list.push(place.name === own ? own : `${place.name} as ${own}`);
      foreign.set(place.file, list);
      continue;
    }
    const { text, declared } = moduleOf(place.file);
    for (const { from, node } of declared.get(place.name) ?? []) {
      // One statement may declare two names.
      const key = `${place.file}:${node.start}`;
      if (written.has(key)) continue;
      written.add(key);
      const edits: [at: Node, name: string][] = [];
      for (const id of identifiers(node)) {
        const meant = at(place.file, id["name"] as string);
        if (meant === undefined) {
          globals.add(nameOf(id));
          continue;
        }
        if (!reached.has(keyOf(meant))) {
          reached.add(keyOf(meant));
          queue.push(meant);
        }
        edits.push([id, names.of(meant)]);
      }
      const plain = edit(text, from, node.end, edits)
        .replace(/^((?:\/\*\*.*?\*\/\s*)?)export /s, "$1");
      parts.push(
        names.isExported(place)
          ? plain.replace(/^(\/\*\*.*?\*\/\s*)?/s, (doc) => `${doc}export `)
          : plain,
      );
    }
  }
  const hidden = [...globals].filter((name) => names.isTaken(name));
  if (hidden.length > 0) {
    throw new Error(
      `Cannot bundle ${entry}: a global and something of ours are both called ${
        hidden.join(", ")
      }, rename ours`,
    );
  }
  const renamed = exports.filter(([name, place]) => names.of(place) !== name)
    .map(([name, place]) => `${names.of(place)} as ${name}`);
  return [
    moduleOf(entry).head,
    ...[...foreign].map(([file, list]) =>
      `import type { ${list.sort().join(", ")} } from "${file}";`
    ),
    ...parts,
    // Without this line all of them would be exported.
    renamed.length === 0 ? "export {};" : `export { ${renamed.join(", ")} };`,
  ].filter(Boolean).join("\n") + "\n";
}

/** Who is called what: a name for each place, and none twice. */
class Names {
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #exported = new Set<string>();

  /** Gives an exported place its name, unless it has one. */
  reserve(place: Place, name: string): void {
    if (this.#names.has(keyOf(place))) return;
    this.#names.set(keyOf(place), name);
    this.#taken.add(name);
    this.#exported.add(keyOf(place));
  }

  isExported(place: Place): boolean {
    return this.#exported.has(keyOf(place));
  }

  isTaken(name: string): boolean {
    return this.#taken.has(name);
  }

  of(place: Place): string {
    const known = this.#names.get(keyOf(place));
    if (known !== undefined) return known;
    let name = place.name;
    for (let i = 2; this.#taken.has(name); i++) name = `${place.name}${i}`;
    this.#names.set(keyOf(place), name);
    this.#taken.add(name);
    return name;
  }
}

function keyOf({ file, name }: Place): string {
  return `${file} ${name}`;
}

function parse(file: string, text: string): Module {
  const { program, comments, errors } = parseSync(file, text, { lang: "dts" });
  if (errors.length > 0) throw new Error(`Cannot parse ${file}: ${errors[0]}`);
  const resolve = (source: unknown): string => {
    const { value } = source as { value: string };
    return value.startsWith(".")
      ? posix.join(posix.dirname(file), value)
      : value;
  };
  const declared = new Map<string, Declaration[]>();
  const imported = new Map<string, Place>();
  const exported = new Map<string, Place>();
  const isHead = (value: string): boolean => /@module\b/.test(value);
  for (const node of program.body as unknown as Node[]) {
    if (node.type === "ImportDeclaration") {
      for (const specifier of node["specifiers"] as Node[]) {
        if (specifier.type !== "ImportSpecifier") {
          throw new Error(`Cannot bundle ${file}: "${specifier.type}"`);
        }
        const name = nameOf(specifier["imported"]);
        const place = { file: resolve(node["source"]), name };
        imported.set(nameOf(specifier["local"]), place);
      }
      continue;
    }
    const isExport = node.type === "ExportNamedDeclaration";
    for (const specifier of isExport ? node["specifiers"] as Node[] : []) {
      exported.set(nameOf(specifier["exported"]), {
        file: node["source"] === null ? file : resolve(node["source"]),
        name: nameOf(specifier["local"]),
      });
    }
    const inner = (isExport ? node["declaration"] : node) as Node | null;
    if (inner === null) continue;
    const comment = comments.findLast(({ end }) => end <= node.start);
    const isOwn = comment !== undefined && !isHead(comment.value) &&
      text.slice(comment.end, node.start).trim() === "";
    for (const name of namesIn(inner)) {
      const list = declared.get(name) ?? [];
      list.push({ from: isOwn ? comment.start : node.start, node });
      declared.set(name, list);
      if (isExport) exported.set(name, { file, name });
    }
  }
  const head = comments.find(({ value }) => isHead(value));
  return {
    text,
    head: head === undefined ? "" : text.slice(head.start, head.end),
    declared,
    imported,
    exported,
  };
}

function nameOf(node: unknown): string {
  return (node as { name: string }).name;
}

/** The names that a statement declares. */
function namesIn(node: Node): string[] {
  switch (node.type) {
    case "VariableDeclaration":
      return (node["declarations"] as Node[]).map(({ id }) => nameOf(id));
    case "ClassDeclaration":
    case "TSDeclareFunction":
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
    case "TSEnumDeclaration":
      return [nameOf(node["id"])];
    default:
      throw new Error(`Cannot bundle a declaration of the kind "${node.type}"`);
  }
}

/** Where a node names something of the module, by the kind of the node. */
const NAMING: Readonly<Record<string, string>> = {
  TSTypeReference: "typeName",
  TSTypeQuery: "exprName",
  TSInterfaceHeritage: "expression",
  TSClassImplements: "expression",
  ClassDeclaration: "superClass",
  MemberExpression: "object",
  TSQualifiedName: "left",
};

/** What declares a name of the module. */
const DECLARING =
  /^(?:VariableDeclarator|ClassDeclaration|TSDeclareFunction|TS\w+Declaration)$/;

/** The identifiers in a statement that mean something of the module. */
function identifiers(statement: Node): Node[] {
  const found: Node[] = [];
  const visit = (node: Node): void => {
    const naming = NAMING[node.type];
    const named = [
      naming === undefined ? undefined : node[naming],
      DECLARING.test(node.type) ? node["id"] : undefined,
      node["computed"] === true ? node["key"] : undefined,
    ];
    for (const each of named) {
      if ((each as Node | undefined)?.type === "Identifier") {
        found.push(each as Node);
      }
    }
    for (const value of Object.values(node)) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (typeof each?.type === "string") visit(each);
      }
    }
  };
  visit(statement);
  return found;
}

/** A part of a text, with other names at some places. */
function edit(
  text: string,
  from: number,
  to: number,
  edits: readonly [at: Node, name: string][],
): string {
  let result = "";
  let done = from;
  const sorted = [...edits].sort(([a], [b]) => a.start - b.start);
  for (const [{ start, end, name: old, typeAnnotation }, name] of sorted) {
    // What a variable's name ends at is the end of its type.
    const stop = typeAnnotation ? start + (old as string).length : end;
    result += text.slice(done, start) + name;
    done = stop;
  }
  return result + text.slice(done, to);
}
