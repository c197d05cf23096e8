/**
 * The peers that come from npm: pinned in `tools/peers`, and installed there when
 * the first of them is started.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { binary } from "../../tests/runtimes.ts";

const FOLDER = fileURLToPath(new URL("../../tools/peers/", import.meta.url));

/** Where their packages are. */
export const MODULES: string = join(FOLDER, "node_modules");

/** The versions, by the name of the package. */
export function pinnedVersions(): Readonly<Record<string, string>> {
  const text = readFileSync(join(FOLDER, "package.json"), "utf8");
  return JSON.parse(text).dependencies;
}

/**
 * The command line of an installed command.
 *
 * @param script the file, from node_modules on
 * @throws when the packages cannot be installed
 */
export function installed(script: string): [string, string] {
  const found = install();
  if (found !== undefined) throw new Error(found);
  return [binary("node"), join(MODULES, script)];
}

let failure: string | undefined | null = null;

/** Installs all of them, once; why that did not work. */
function install(): string | undefined {
  if (failure !== null) return failure;
  failure = upToDate() ? undefined : installNow();
  return failure;
}

/** npm leaves a copy of the lock file there, without the root's own entry. */
function upToDate(): boolean {
  const left = join(MODULES, ".package-lock.json");
  if (!existsSync(left)) return false;
  const has = JSON.parse(readFileSync(left, "utf8")).packages;
  return Object.entries(pinnedVersions()).every(([name, version]) =>
    has[`node_modules/${name}`]?.version === version
  );
}

function installNow(): string | undefined {
  process.stderr.write("peers: npm ci --prefix tools/peers\n");
  const { error, status, stderr } = spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", FOLDER],
    { encoding: "utf8" },
  );
  if (status === 0) return undefined;
  const why = error?.message ?? stderr.trim().split("\n").at(-1);
  return `Cannot install the peers by "npm ci --prefix tools/peers": ${why}`;
}
