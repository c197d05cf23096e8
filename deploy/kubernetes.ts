/**
 * The manifests against the API of Kubernetes, as npm has it: types and what is
 * required by the schemas of kubernetes-models, names by the
 * models of @kubernetes/client-node. `node deploy/kubernetes.ts`, in half a
 * minute; installs both in a temporary directory. No cluster is asked.
 */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { conclude, ROOT, run, show, temporary } from "./lib/parts.ts";
import { fileOf, recipe } from "./recipe.ts";

const PACKAGES = [
  "@kubernetes/client-node@2.0.1",
  "kubernetes-models@4.5.1",
  "js-yaml@5.5.0",
];

/** Command lines whose manifests are checked beside the recipe's. */
const LINES = [
  "server.js",
  "-l :80 -l api=:8443 --health :9000 --memory 512M --grace 90s server.js",
  "--drain-delay 0 -l unix:/tmp/x.sock server.js",
];

/** What has to be refused, so that the check is one. */
const WRONG: readonly (readonly [string, string, string])[] = [
  ["a name that is not known", "periodSeconds", "periodSecs"],
  ["another type", "replicas: 3", 'replicas: "three"'],
  ["what is required is not there", "selector:\n    matchLabels", "x:\n    y"],
];

using folder = temporary();
writeFileSync(join(folder.path, "package.json"), '{"private":true}');
run([
  ...["npm", "install", "--prefix", folder.path, "--no-audit", "--no-fund"],
  ...PACKAGES,
]);
for (const name of PACKAGES) show(name, true);

const manifest = fileOf("kubernetes.yaml");
const problems = problemsOf(manifest);
show("deploy/app/kubernetes.yaml", problems === "", problems);
for (const line of LINES) {
  const found = problemsOf(recipe(line.split(" "))["kubernetes.yaml"]!);
  show(`prefork init ${line}`, found === "", found);
}
for (const [what, from, to] of WRONG) {
  const found = problemsOf(manifest.replace(from, to));
  show(`refused: ${what}`, found !== "", found.split("\n")[0]);
}
conclude();

function problemsOf(text: string): string {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [`${ROOT}deploy/lib/manifests.mjs`],
    { cwd: folder.path, input: text, encoding: "utf8" },
  );
  return status === 0 ? stdout.trim() : stderr;
}
