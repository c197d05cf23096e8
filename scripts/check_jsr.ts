/**
 * What JSR would check and publish: types without slow inference, documented
 * entry points, and exactly the files that `scripts/jsr_files.txt` names.
 * `--update` writes that list anew. Whether the types are right,
 * `npm run check:types` says.
 */

import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import process from "node:process";
import { conclude, read, readJson } from "./lib/problems.ts";
import { publishedFiles } from "./lib/jsr.ts";
import { ROOT } from "./lib/tree.ts";

const LIST = "scripts/jsr_files.txt";
const problems: string[] = [];

const { files, output, ok } = publishedFiles();
if (!ok) problems.push(output, `deno publish: the package is not fit for JSR`);

if (process.argv.includes("--update")) {
  writeFileSync(ROOT + LIST, files.map((file) => `${file}\n`).join(""));
} else if (ok) {
  const pinned = existsSync(ROOT + LIST)
    ? read(LIST).split("\n").filter((line) => line !== "")
    : [];
  const advice = `run "node scripts/check_jsr.ts --update" if that is right`;
  for (const file of files.filter((f) => !pinned.includes(f))) {
    problems.push(
      `${file}: would be published, but ${LIST} has it not, ${advice}`,
    );
  }
  for (const file of pinned.filter((f) => !files.includes(f))) {
    problems.push(
      `${file}: would not be published, but ${LIST} has it, ${advice}`,
    );
  }
}

const { exports } = readJson<{ exports: Record<string, string> }>("deno.json");
const doc = spawnSync("deno", ["doc", "--lint", ...Object.values(exports)], {
  cwd: ROOT,
  encoding: "utf8",
  env: { ...process.env, NO_COLOR: "1" },
});
if (doc.status !== 0) {
  // Deno warns of types that @types/node would like to have; that is no fault.
  const said = doc.stderr.split("\n").filter((line) =>
    !/^(Warning|\s+at file:)/.test(line)
  );
  problems.push(
    said.join("\n").trim(),
    "deno doc: some documentation is missing",
  );
}
conclude("jsr", problems);
