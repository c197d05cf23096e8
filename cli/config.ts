/**
 * Finds and reads a configuration file: `prefork.config.ts` and the like.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { messageOf } from "../core/errors.ts";
import { type ConfiguredPools, readConfig } from "../core/options/config.ts";

/** The names by which one is found in the working directory. */
export const CONFIG_NAMES: readonly string[] = [
  "prefork.config.ts",
  "prefork.config.js",
  "prefork.config.mjs",
  "prefork.config.json",
];

/** Endings of the files that can be read, when they are named. */
const ENDING = /^\.([cm]?[jt]s|json)$/;

/** The names of the configuration files that a directory has. */
export function configsIn(directory: string): readonly string[] {
  return CONFIG_NAMES.filter((name) => existsSync(join(directory, name)));
}

/**
 * Reads a configuration file.
 *
 * @param file its absolute path
 * @param directory where it is told from
 * @throws {TypeError} when it is not there, does not run or cannot be used
 * @throws {RangeError} when a number in it is out of range
 */
export async function configFrom(
  file: string,
  directory: string,
): Promise<ConfiguredPools> {
  const name = shown(file, directory);
  const place = {
    file: name,
    resolve: (path: string) => resolve(dirname(file), path),
  };
  return readConfig(await valueOf(file, name), place);
}

/** What a file says, also one that exports a function. */
async function valueOf(file: string, name: string): Promise<unknown> {
  const exported = await exportOf(file, name);
  try {
    return await (typeof exported === "function" ? exported() : exported);
  } catch (error) {
    throw unreadable(name, error, file);
  }
}

/** What a file exports by default; a file of JSON is what it holds. */
async function exportOf(file: string, name: string): Promise<unknown> {
  const ending = extname(file);
  if (!ENDING.test(ending)) {
    throw new TypeError(
      `Cannot read "${name}": a configuration is a file of TypeScript, JavaScript or JSON (${
        CONFIG_NAMES.join(", ")
      })`,
    );
  }
  if (!existsSync(file)) {
    throw new TypeError(`Cannot read "${name}": there is no such file`);
  }
  if (ending.endsWith("ts") && !runsTypeScript()) {
    throw new TypeError(
      `Cannot read "${name}": Node ${process.versions.node} does not run TypeScript, 22.18 and later do; write it as ${
        CONFIG_NAMES[2]
      } or ${
        CONFIG_NAMES[3]
      }, or run the command on Deno or Bun (bunx --bun prefork)`,
    );
  }
  let module: { readonly default?: unknown };
  try {
    if (ending === ".json") return JSON.parse(readFileSync(file, "utf8"));
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw unreadable(name, error, file);
  }
  if (module.default !== undefined) return module.default;
  throw new TypeError(
    `Cannot use ${name}: it has no default export, write export default defineConfig({ .. })`,
  );
}

/** True where the runtime runs TypeScript: Node says so since 22.10. */
function runsTypeScript(): boolean {
  if ("Deno" in globalThis || "Bun" in globalThis) return true;
  const { typescript } = process.features as { typescript?: unknown };
  return Boolean(typescript);
}

function unreadable(name: string, error: unknown, file: string): TypeError {
  const message = messageOf(error);
  const stack = error instanceof Error ? error.stack ?? "" : "";
  // The first place of the stack that is in the file itself.
  const at = stack.indexOf(file);
  const line = at < 0
    ? undefined
    : /^:(\d+)/.exec(stack.slice(at + file.length))?.[1];
  const away = /["']?prefork["']/.test(message) && /find|resol/i.test(message)
    ? `: install prefork there, or leave "defineConfig" out, a plain object does`
    : "";
  return new TypeError(
    `Cannot read "${name}"${line === undefined ? "" : ` (line ${line})`}: ${
      message.replace(/\.$/, "")
    }${away}`,
    { cause: error },
  );
}

/** A path as it is told: from the working directory where it is below that. */
function shown(file: string, directory: string): string {
  const short = relative(directory, file);
  return short.startsWith("..") ? file : short;
}
