/**
 * package.json and deno.json describe one package: the same name, version,
 * licence and entry points, and each entry point says what it is.
 */

import { conclude, read, readJson } from "./lib/problems.ts";

interface Npm {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly description?: string;
  readonly dependencies?: unknown;
  readonly optionalDependencies?: unknown;
  readonly peerDependencies?: unknown;
  readonly exports: Readonly<Record<string, string | Conditions>>;
  readonly bin: Readonly<Record<string, string>>;
}
interface Conditions {
  readonly types: string;
  readonly default: string;
}
interface Jsr {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
}

const npm: Npm = readJson("package.json");
const jsr: Jsr = readJson("deno.json");
const problems: string[] = [];

function same(what: string, inNpm: unknown, inJsr: unknown): void {
  if (inNpm === inJsr) return;
  problems.push(
    `${what}: "${inNpm}" in package.json, "${inJsr}" in deno.json, make them equal`,
  );
}

same("name", `@${npm.name}/${npm.name}`, jsr.name);
same("version", npm.version, jsr.version);
same("license", npm.license, jsr.license);
if (!npm.description) problems.push("package.json: there is no description");
for (
  const kind of [
    "dependencies",
    "optionalDependencies",
    "peerDependencies",
  ] as const
) {
  if (npm[kind] !== undefined) {
    problems.push(`package.json: "${kind}", but the package has none`);
  }
}

const entries = Object.keys(npm.exports).filter((key) =>
  key !== "./package.json"
);
same("exports", entries.join(" "), Object.keys(jsr.exports).join(" "));
for (const [entry, source] of Object.entries(jsr.exports)) {
  const built = source.replace(/^\.\//, "./dist/").replace(/\.ts$/, "");
  const conditions = npm.exports[entry];
  if (typeof conditions !== "object") continue;
  same(`exports["${entry}"].types`, conditions.types, `${built}.d.ts`);
  same(`exports["${entry}"].default`, conditions.default, `${built}.js`);
  // TypeScript takes the first condition that fits.
  same(
    `exports["${entry}"] order`,
    Object.keys(conditions).join(),
    "types,default",
  );
  const doc = /^(?:#!.*\n)?\s*\/\*\*([\s\S]*?)\*\//.exec(read(source))?.[1];
  if (doc === undefined || !/@module\b/.test(doc)) {
    problems.push(
      `${source}: it is exported, so it begins with a doc comment that has @module`,
    );
  }
}

const command = npm.bin[npm.name];
const cli = npm.exports["./cli"];
const target = typeof cli === "object" ? cli.default : undefined;
if (command === undefined || `./${command}` !== target) {
  problems.push(
    `package.json: bin "${npm.name}" is "${command}", not "${target}" of exports["./cli"]`,
  );
}
if (!read("cli.ts").startsWith("#!/usr/bin/env node\n")) {
  problems.push(
    `cli.ts: it is a command, so it begins with "#!/usr/bin/env node"`,
  );
}
conclude("exports", problems);
