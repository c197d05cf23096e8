/**
 * Reloads under load with every released version of Deno and Bun that the
 * package claims to support. Not part of the tests, since what is released
 * changes:
 *
 *     npm run test:versions [-- deno@2.9.0 bun@1.4.5]
 *
 * The versions come from npm into `.reports/versions/`.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import process from "node:process";
import { conclude, readJson } from "./lib/problems.ts";
import { ROOT } from "./lib/tree.ts";

/** Where npm has the executable of a runtime for this kind of machine. */
const PACKAGES: Readonly<Record<string, { name: string; binary: string }>> = {
  deno: { name: "@deno/linux-x64-glibc", binary: "package/deno" },
  bun: { name: "@oven/bun-linux-x64", binary: "package/bin/bun" },
};

/** What is run: unmodified programs, and the native servers in each mode. */
const TESTS = ["tests/load/unmodified.test.ts", "tests/load/%_native.test.ts"];

const asked = process.argv.slice(2);
const { engines } = readJson("package.json") as {
  readonly engines: Readonly<Record<string, string>>;
};
const problems: string[] = [];

for (const [runtime, { name, binary }] of Object.entries(PACKAGES)) {
  const all = JSON.parse(
    run("npm", ["view", name, "versions", "--json"]).stdout,
  ) as string[];
  for (const version of all.filter((each) => isClaimed(runtime, each))) {
    const id = `${runtime}@${version}`;
    if (asked.length > 0 && !asked.includes(id)) continue;
    const directory = fetched(runtime, name, version, binary);
    const { status, stdout } = run("npx", [
      ...[
        "vitest",
        "run",
        "--testNamePattern",
        ` on ${runtime}:|the pool's sockets`,
      ],
      ...TESTS.map((file) => file.replace("%", runtime)),
    ], { TEST_RUNTIMES: directory });
    console.log(`${id}: ${status === 0 ? "ok" : "failed"}`);
    if (status !== 0) problems.push(`${id}: ${stdout}`);
  }
}
conclude("versions", problems);

/** True for a release that `engines` allows: ">=2.9". */
function isClaimed(runtime: string, version: string): boolean {
  const least = /^>=(\d+)\.(\d+)$/.exec(engines[runtime]!)!;
  const parts = /^(\d+)\.(\d+)\.\d+$/.exec(version);
  if (parts === null) return false;
  const [major, minor] = [Number(parts[1]), Number(parts[2])];
  return major > Number(least[1]) ||
    (major === Number(least[1]) && minor >= Number(least[2]));
}

/** A directory with the executable of a version under its usual name. */
function fetched(
  runtime: string,
  name: string,
  version: string,
  binary: string,
): string {
  const directory = `${ROOT}.reports/versions/${runtime}-${version}`;
  if (existsSync(`${directory}/${runtime}`)) return directory;
  mkdirSync(directory, { recursive: true });
  const [pack] = run("npm", [
    ...["pack", "--silent", "--pack-destination", directory],
    `${name}@${version}`,
  ]).stdout.trim().split("\n");
  run("tar", ["xzf", `${directory}/${pack}`, "-C", directory]);
  symlinkSync(`${directory}/${binary}`, `${directory}/${runtime}`);
  return directory;
}

function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly status: number | null; readonly stdout: string } {
  return spawnSync(file, args, {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}
