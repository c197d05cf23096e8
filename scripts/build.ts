/**
 * Bundles the library to JavaScript in `dist`, and the declarations of each
 * entry to one file beside it.
 *
 * Each entry is one file, and what several share or what is loaded on demand
 * is in chunks: a process reads a few files instead of a hundred, and of a
 * runtime or a mode that it does not have none.
 */

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { bundle } from "./lib/bundle.ts";
import { bundleDeclarations } from "./lib/declarations.ts";
import { conclude } from "./lib/problems.ts";
import { ROOT } from "./lib/tree.ts";

const SHEBANG = "#!/usr/bin/env node";

rmSync(`${ROOT}dist`, { recursive: true, force: true });
const problems = [...declare(), ...await bundle(`${ROOT}dist`)];
if (problems.length === 0) problems.push(...check());
conclude("build", problems);

function declare(): string[] {
  const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
  const { status } = spawnSync(
    process.execPath,
    [tsc, "-p", "tsconfig.build.json"],
    { cwd: ROOT, stdio: "inherit" },
  );
  if (status !== 0) return ["tsc: the sources do not compile"];
  const entries = ["mod.ts", "worker.ts", "cli.ts"].map((entry) =>
    [
      declarationsOf(entry),
      bundleDeclarations(
        entry,
        (file) => readFileSync(declarationsOf(file), "utf8"),
      ),
    ] as const
  );
  rmSync(`${ROOT}dist`, { recursive: true });
  mkdirSync(`${ROOT}dist`);
  for (const [file, text] of entries) writeFileSync(file, text);
  return [];
}

/** Where the declarations of a module are. */
function declarationsOf(file: string): string {
  return `${ROOT}dist/${file.replace(/\.ts$/, ".d.ts")}`;
}

function check(): string[] {
  const command = `${ROOT}dist/cli.js`;
  // npm does so when it installs the package; for those who use dist itself.
  chmodSync(command, 0o755);
  if (!readFileSync(command, "utf8").startsWith(`${SHEBANG}\n`)) {
    return [`dist/cli.js: a command begins with "${SHEBANG}"`];
  }
  // Named by their paths at run time, so that no compiler misses them.
  return ["preload", "preload_require"]
    .map((name) => `dist/worker/${name}.js`)
    .filter((file) => !existsSync(`${ROOT}${file}`))
    .map((file) => `${file}: workers load it, and it is missing`);
}
