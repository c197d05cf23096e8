/**
 * The command line with which a runtime loads our part, then the program.
 *
 * @module
 */

import type { Adapter, RuntimeName } from "../adapter.ts";
import { PreforkError } from "../errors.ts";
import { PERMISSION } from "../options/deno_permission.ts";

/** What {@linkcode runtimeArguments} needs. */
export interface RuntimePlan {
  /** The runtime. */
  readonly runtime: RuntimeName;
  /** The program. */
  readonly program: string;
  /** What the user has for the runtime. */
  readonly runtimeArgs: readonly string[];
  /** True when workers bind their address themselves. */
  readonly reusePort: boolean;
}

/** TypeScript that needs a flag where Node does not strip types by itself. */
const TYPED = /\.[cm]?ts$/;

/** The arguments of a runtime, up to the program. */
export function runtimeArguments(
  { runtime, program, runtimeArgs, reusePort }: RuntimePlan,
  adapter: Adapter,
): string[] {
  const preload = preloadFor(runtime, adapter);
  switch (runtime) {
    case "node":
      return [
        ...(preload === undefined ? [] : ["--import", preload]),
        "--enable-source-maps",
        ...(TYPED.test(program) && mustStripTypes(adapter)
          ? ["--experimental-strip-types"]
          : []),
        ...runtimeArgs,
      ];
    case "deno":
      return [
        "run",
        ...(preload === undefined ? [] : ["--preload", preload]),
        ...(runtimeArgs.some((arg) => PERMISSION.test(arg)) ? [] : ["-A"]),
        // Deno.serve knows reusePort behind this flag only (Deno 2.9).
        ...(reusePort ? ["--unstable-net"] : []),
        ...runtimeArgs,
      ];
    case "bun":
      return [
        ...(preload === undefined ? [] : ["--preload", preload]),
        ...runtimeArgs,
      ];
  }
}

/**
 * What a runtime is told to preload, or undefined where it cannot: Deno alone
 * loads modules that do not lie on a disk.
 */
export function preloadFor(
  runtime: RuntimeName,
  { host: { preload } }: Adapter,
): string | undefined {
  if (!preload.startsWith("/")) return runtime === "deno" ? preload : undefined;
  // Node reads a path as a URL, in which "#", "?" and "%" mean something
  // else. Bun 1.4 does not find a URL of a file.
  return runtime === "node"
    ? `file://${preload.split("/").map(encodeURIComponent).join("/")}`
    : preload;
}

/** What a single executable application of Node requires, beside the other. */
function requiredFor({ host: { preload } }: Adapter): string {
  return preload.replace(/(\.\w+)$/, "_require$1");
}

/**
 * The arguments of a command that may be Deno, which has no variable to load
 * our part by.
 *
 * @throws {PreforkError} `ERR_BOOT` for `deno serve`, which opens a port of its
 * own whatever is loaded
 */
export function denoArguments(
  program: string,
  args: readonly string[],
  adapter: Adapter,
): readonly string[] {
  if (!/(^|\/)deno$/.test(program)) return args;
  const [verb, ...rest] = args;
  if (verb === "serve") {
    throw new PreforkError(
      "ERR_BOOT",
      `Cannot start "deno serve": it opens a port of its own, start the file itself as in "prefork -r deno FILE"`,
    );
  }
  const preload = preloadFor("deno", adapter);
  return verb === "run" && preload !== undefined
    ? [verb, "--preload", preload, ...rest]
    : args;
}

/**
 * The variables by which runtimes that a command starts load our part: a
 * package script, a shell, `env`. Deno has none.
 *
 * @param env the variables that they are added to
 * @param requires true for a single executable application of Node
 */
export function preloadVariables(
  adapter: Adapter,
  env: Readonly<Record<string, string | undefined>>,
  requires = false,
): Record<string, string> {
  const node = preloadFor("node", adapter);
  const bun = preloadFor("bun", adapter);
  const join = (...parts: (string | undefined)[]): string =>
    parts.filter((part) => part !== undefined && part !== "").join(" ");
  return {
    ...(node !== undefined && {
      NODE_OPTIONS: join(
        env["NODE_OPTIONS"],
        requires
          ? `--require ${JSON.stringify(requiredFor(adapter))}`
          : `--import ${node} --enable-source-maps`,
      ),
    }),
    // Bun 1.4.4 knows no quotes there, backslashes only after a space, and
    // "bun run" of a package script only the form with "=".
    ...(bun !== undefined && {
      BUN_OPTIONS: join(
        env["BUN_OPTIONS"],
        /[\\\s]/.test(bun)
          ? `--preload ${bun.replaceAll(/[\\\s]/g, "\\$&")}`
          : `--preload=${bun}`,
      ),
    }),
  };
}

/**
 * True when this Node runs TypeScript behind a flag only: up to 22.17 and 23.5
 * (https://nodejs.org/api/typescript.html). Of another Node than the
 * supervisor's own the version is not known; it is taken to be newer.
 */
function mustStripTypes({ runtime, version }: Adapter): boolean {
  if (runtime !== "node") return false;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major === 22 ? minor < 18 : major === 23 && minor < 6;
}
