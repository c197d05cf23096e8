/**
 * Reads a configuration file: `prefork.config.ts` and the like, or PM2's. Loaded
 * where there is one.
 *
 * @module
 */

import { type Stats, statSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, extname, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { EXIT, messageOf } from "../core/errors.ts";
import {
  type ConfigPlace,
  type ConfiguredPools,
  readConfig,
} from "../core/options/config.ts";
import { CONFIG_NAMES } from "./config_names.ts";
import { filesFrom, type ProgramFiles } from "./log_options.ts";
import { type Pm2Place, readPm2, requireNoYaml } from "./pm2.ts";

/** Reads what a file exports, by default or, with `commonjs`, as require() does. */
export type Load = (
  file: string,
  how?: { readonly commonjs: boolean },
) => Promise<unknown>;

/** How long a file may take, in ms. */
export const READ_MS = 10_000;

/** Endings of the files that can be read, when they are named. */
const ENDING = /^\.([cm]?[jt]s|json)$/;

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
  load: Load = exportWithin(READ_MS),
): Promise<ConfiguredPools> {
  const place = configPlaceOf(file, directory);
  requireReadable(file, place.file);
  const value = await attempt(
    file,
    place,
    // A file of JSON is what it holds.
    () => extname(file) === ".json" ? jsonIn(file) : load(file),
  );
  if (value === undefined) {
    throw new TypeError(
      `Cannot use ${place.file}: it has no default export, write export default defineConfig({ .. })`,
    );
  }
  return readConfig(value, place);
}

/** The pools of PM2's file; what is said of them, by their names. */
export interface Pm2Pools extends ConfiguredPools {
  /** Sentences. */
  readonly ignored: Readonly<Record<string, readonly string[]>>;
  /** The files into which each writes that names some. */
  readonly outputs: Readonly<Record<string, ProgramFiles>>;
}

/**
 * Reads a process file of PM2.
 *
 * @param file its absolute path
 * @param directory where it is told from
 * @throws {TypeError} when it is not there, does not run or cannot be used
 * @throws {RangeError} when a number in it is out of range
 */
export async function pm2From(
  file: string,
  directory: string,
  machine: Omit<Pm2Place, "file">,
  load: Load = exportWithin(READ_MS),
): Promise<Pm2Pools> {
  const place = configPlaceOf(file, directory);
  requireFile(file, place.file);
  requireNoYaml(file, place.file);
  // As PM2 does: also where the runtime would take a .js file for a module.
  const commonjs = extname(file) !== ".mjs";
  const value = await attempt(file, place, () => load(file, { commonjs }));
  const apps = readPm2(value, { ...machine, file: place.file });
  const names = new Set(apps.map(({ entry }) => entry.name));
  if (apps.length === 0 || names.size < apps.length) {
    throw new TypeError(
      `Cannot use ${place.file}: ${
        apps.length === 0
          ? `"autostart" is false for each app`
          : `two apps have the same "name", give each its own`
      }`,
    );
  }
  return {
    ...readConfig({ pools: apps.map(({ entry }) => entry) }, place),
    ignored: Object.fromEntries(
      apps.map(({ entry, ignored }) => [entry.name, ignored]),
    ),
    outputs: Object.fromEntries(
      apps.flatMap(({ entry: { name, cwd = "." }, output }) =>
        output === undefined
          ? []
          : [[name, filesAt(resolve(dirname(file), cwd), output)]]
      ),
    ),
  };
}

/**
 * As PM2 has it too: a path may begin at the user's own directory, and its
 * directory is made (`lib/Common.js`).
 */
function filesAt(
  directory: string,
  { file, errors }: ProgramFiles,
): ProgramFiles {
  const at = (path: string): string => path.replace(/^~(?=\/)/, homedir());
  return {
    ...filesFrom(directory, {
      ...(file !== undefined && { file: at(file) }),
      ...(errors !== undefined && { errors: at(errors) }),
    }),
    makes: true,
  };
}

function configPlaceOf(file: string, directory: string): ConfigPlace {
  return {
    file: shown(file, directory),
    resolve: (path) => resolve(dirname(file), path),
  };
}

/** Runs what a file says; its errors are told of the file. */
async function attempt<T>(
  file: string,
  { file: name }: ConfigPlace,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw unreadable(name, error, file);
  }
}

/** A file that can be read here. */
function requireReadable(file: string, name: string): void {
  const ending = extname(file);
  if (!ENDING.test(ending)) {
    throw new TypeError(
      `Cannot read "${name}": a configuration is a file of TypeScript, JavaScript or JSON (${
        CONFIG_NAMES.join(", ")
      })`,
    );
  }
  requireFile(file, name);
  if (ending.endsWith("ts") && !runsTypeScript()) {
    throw new TypeError(
      `Cannot read "${name}": Node ${process.versions.node} does not run TypeScript, 22.18 and later do; write it as ${
        CONFIG_NAMES[2]
      } or ${
        CONFIG_NAMES[3]
      }, or run the command on Deno or Bun (bunx --bun prefork)`,
    );
  }
}

/** What a file exports, which has so many ms for it. */
export function exportWithin(ms: number): Load {
  return async (file, { commonjs } = { commonjs: false }) => {
    // Its process.exit(0) would pass for a command that is done.
    const onExit = (): void => {
      writeSync(2, `prefork: Cannot read "${file}": it ends the process\n`);
      process.exitCode = EXIT.usage;
    };
    process.once("exit", onExit);
    try {
      return await inTime(exportOf(file, commonjs), ms);
    } finally {
      process.off("exit", onExit);
    }
  };
}

/** A function is called for it. */
async function exportOf(file: string, commonjs: boolean): Promise<unknown> {
  if (commonjs) return createRequire(file)(file);
  const module = await import(pathToFileURL(file).href) as {
    readonly default?: unknown;
  };
  const exported = module.default;
  return typeof exported === "function" ? await exported() : exported;
}

/**
 * Waits for what is read. Its timer keeps a process alive that has nothing else
 * to do, so that a promise which never settles is told of.
 *
 * @throws {Error} when it has not come in so many ms
 */
export async function inTime<T>(reading: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`it has not ended after ${ms / 1000} s`)),
    ms,
  );
  try {
    return await Promise.race([reading, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function jsonIn(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, "utf8"));
}

/** True where the runtime runs TypeScript: Node says so since 22.10. */
function runsTypeScript(): boolean {
  if ("Deno" in globalThis || "Bun" in globalThis) return true;
  const { typescript } = process.features as { typescript?: unknown };
  return Boolean(typescript);
}

/** The reading of a pipe may never end, and nothing can break it off. */
function requireFile(file: string, name: string): void {
  const found = statOf(file);
  if (found?.isFile()) return;
  const why = found === undefined
    ? "there is no such file"
    : `it is ${kindOf(found)}, a configuration is a regular file`;
  throw new TypeError(`Cannot read "${name}": ${why}`);
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a directory";
  if (found.isFIFO()) return "a pipe";
  return found.isSocket() ? "a socket" : "a device";
}

function unreadable(name: string, error: unknown, file: string): TypeError {
  const message = messageOf(error);
  const stack = error instanceof Error ? error.stack ?? "" : "";
  // The first place of the stack that is in the file itself.
  const at = stack.indexOf(file);
  const line = at < 0
    ? undefined
    : /^:(\d+)/.exec(stack.slice(at + file.length))?.[1];
  const away =
    /prefork["']/.test(message) && /find|resol|dependency/i.test(message)
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
