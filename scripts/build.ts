/** Compiles the library to JavaScript and declarations in `dist`. */

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { conclude } from "./lib/problems.ts";
import { ROOT } from "./lib/tree.ts";

const SHEBANG = "#!/usr/bin/env node";

rmSync(`${ROOT}dist`, { recursive: true, force: true });
const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
const { status } = spawnSync(
  process.execPath,
  [tsc, "-p", "tsconfig.build.json"],
  { cwd: ROOT, stdio: "inherit" },
);

const problems: string[] = [];
if (status !== 0) problems.push("tsc: the sources do not compile");
else {
  const command = `${ROOT}dist/cli.js`;
  if (!readFileSync(command, "utf8").startsWith(`${SHEBANG}\n`)) {
    problems.push(`dist/cli.js: a command begins with "${SHEBANG}"`);
  }
  // Named by a path at run time, so that no compiler misses it.
  if (!existsSync(`${ROOT}dist/worker/preload.js`)) {
    problems.push("dist/worker/preload.js: workers load it, and it is missing");
  }
  // npm does so when it installs the package; for those who use dist itself.
  chmodSync(command, 0o755);
}
conclude("build", problems);
