/**
 * What a configuration file of the command says: one pool or several, by the
 * names of the library's options.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { formatAddress, isAnyPort, parseListener } from "./address.ts";
import { checkOptions, OPTION_NAMES } from "./check.ts";
import { insteadOf } from "./names.ts";
import { type PoolOptions, WHERE_PROGRAM } from "./options.ts";
import { checkEnv } from "./process.ts";
import { show } from "./values.ts";

/**
 * A pool in a configuration file: the options of the library, but for those
 * that are the command's own. Times are in milliseconds.
 */
export interface PoolEntry
  extends Partial<Omit<PoolOptions, "output" | "upgradeCommand">> {
}

/** A configuration file. */
export interface Config extends PoolEntry {
  /**
   * Several pools, each by its name. What stands beside them counts for each of
   * them, unless it says otherwise; the variables of `env` are added up.
   */
  readonly pools?: Readonly<Record<string, PoolEntry>> | readonly PoolEntry[];
  /**
   * The form of the log on stderr.
   *
   * @default {"text"}
   */
  readonly log?: "text" | "json";
  /**
   * The time in front of lines of the log.
   *
   * @default {"auto"}
   */
  readonly logTime?: "auto" | "local" | "utc" | "off";
  /**
   * A file for the log.
   *
   * @default stderr
   */
  readonly logFile?: string;
  /**
   * What becomes of what programs write: `"prefix"`, `"raw"`, `"json"`, or a
   * file, whose name can have `{slot}` and `{name}`.
   *
   * @default `"prefix"`, and `"json"` where the log is JSON
   */
  readonly output?: string;
}

/** What a configuration file exports: a config, or a function that makes one. */
export type ConfigExport =
  | Config
  | Promise<Config>
  | (() => Config | Promise<Config>);

/**
 * Says that an object is a configuration of the command, for editors and the
 * type checker; it is returned as it is. `prefork.config.ts`:
 *
 * @example
 * ```ts
 * import { defineConfig } from "@prefork/prefork";
 *
 * export default defineConfig({
 *   pools: {
 *     web: { program: "web.ts", listen: ":8080", workers: 4 },
 *     api: { program: "api.ts", listen: ":8081", workers: "auto" },
 *   },
 * });
 * ```
 */
export function defineConfig(config: ConfigExport): ConfigExport {
  return config;
}

/** Where a configuration was found. */
export interface ConfigPlace {
  /** The file, as it is named in errors. */
  readonly file: string;
  /** A path in it as an absolute one: it begins at the file's directory. */
  resolve(path: string): string;
}

/** The pools of a configuration file, checked. */
export interface ConfiguredPools {
  /** The file, as it is named in errors. */
  readonly file: string;
  /** Its directory, in which the programs begin that name no other one. */
  readonly directory: string;
  /** Each; with the paths in it made absolute. */
  readonly pools: readonly PoolEntry[];
  /** What it says of the log, which is not checked. */
  readonly log: Pick<Config, "log" | "logTime" | "logFile" | "output">;
}

/** Options that the command sees to itself. */
const OWN: readonly string[] = ["output", "upgradeCommand"];

const FILE_NAMES: readonly string[] = OPTION_NAMES.filter((name) =>
  !OWN.includes(name)
);

/**
 * Reads what a configuration file exports.
 *
 * @throws {TypeError} when it cannot be used: the message names the file, the
 * pool, the option, what was given and what is wanted
 * @throws {RangeError} when a number in it is out of range
 */
export function readConfig(
  value: unknown,
  place: ConfigPlace,
): ConfiguredPools {
  const { file } = place;
  const { pools, log, logTime, logFile, output, ...shared } = entryIn(
    value,
    "it",
    file,
  ) as Config;
  known(
    shared,
    [...FILE_NAMES, "pools", "log", "logTime", "logFile", "output"],
    file,
  );
  const found = {
    file,
    directory: place.resolve("."),
    log: {
      ...(log !== undefined && { log }),
      ...(logTime !== undefined && { logTime }),
      ...(logFile !== undefined && { logFile }),
      ...(output !== undefined && { output }),
    },
  };
  if (pools === undefined) {
    return { ...found, pools: [checked(shared, place, file)] };
  }
  for (const own of OF_ONE_POOL) {
    if (!Object.hasOwn(shared, own)) continue;
    throw new TypeError(
      `Cannot use "${own}" in ${file} beside "pools": it is of one pool, move it into that`,
    );
  }
  const common = envIn(shared, file);
  const several = entriesOf(pools, file).map(([name, entry]) => {
    const where = `pool "${name}" of ${file}`;
    known(entry, FILE_NAMES, where);
    const env = { ...common, ...envIn(entry, where) };
    const both = { ...shared, name, ...entry, env };
    return checked(both, place, where);
  });
  apart(several, file);
  return { ...found, pools: several };
}

/** The variables of an entry, which are looked at before they are added up. */
function envIn({ env = {} }: PoolEntry, where: string): PoolEntry["env"] {
  return within(where, () => checkEnv(env));
}

/** The pools by their names. */
function entriesOf(
  pools: unknown,
  file: string,
): readonly (readonly [string, PoolEntry])[] {
  if (typeof pools !== "object" || pools === null) {
    throw new TypeError(
      `Cannot use ${
        show(pools)
      } for "pools" in ${file}: it must be an object of pools by their names, or an array of pools with a "name" each`,
    );
  }
  const entries = Array.isArray(pools)
    // Not by map(), which leaves holes out.
    ? Array.from(pools, (entry: unknown, i): readonly [string, PoolEntry] => {
      const found = entryIn(entry, `"pools[${i}]"`, file);
      // Of any type yet: what it is called in the error that refuses it.
      if (found.name !== undefined) return [messageOf(found.name), found];
      throw new TypeError(
        `Cannot use "pools[${i}]" in ${file}: it has no "name", by which several pools are told apart`,
      );
    })
    : within(file, () => Object.entries(pools)).map(
      ([name, entry]): readonly [string, PoolEntry] => {
        const found = entryIn(entry, `"pools.${name}"`, file);
        if (found.name === undefined || found.name === name) {
          return [name, found];
        }
        throw new TypeError(
          `Cannot use ${
            show(found.name)
          } for "pools.${name}.name" in ${file}: its key is its name, leave "name" out`,
        );
      },
    );
  if (entries.length > 0) return entries;
  throw new TypeError(
    `Cannot use "pools" in ${file}: it is empty, add a pool such as web: { program: "web.js" }`,
  );
}

/** An object in the file, without what is undefined. */
function entryIn(value: unknown, what: string, file: string): PoolEntry {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    // Its getters may throw.
    return within(file, () =>
      Object.fromEntries(
        Object.entries(value).filter(([, each]) => each !== undefined),
      ));
  }
  const given = Array.isArray(value) ? "an array" : show(value);
  throw new TypeError(
    `Cannot use ${file}: ${what} must be an object of options such as { program: "server.js" }, received ${given}`,
  );
}

function known(
  entry: object,
  names: readonly string[],
  where: string,
): void {
  for (const name of Object.keys(entry)) {
    if (names.includes(name)) continue;
    throw new TypeError(
      OWN.includes(name)
        ? `Cannot use "${name}" in ${where}: it is the library's, and the command sees to it itself`
        : `Cannot use "${name}" in ${where}: there is no such option, ${
          insteadOf(name, names)
        }`,
    );
  }
}

/** One pool, checked as far as that goes without its program. */
function checked(
  entry: PoolEntry,
  place: ConfigPlace,
  where: string,
): PoolEntry {
  within(where, () => checkOptions({ program: "program", ...entry }));
  return absolute(entry, place);
}

/**
 * Runs a check whose errors are told of a file.
 *
 * @throws {TypeError} with the place in its sentence
 * @throws {RangeError} the same
 */
export function within<T>(where: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const Kind = error instanceof RangeError ? RangeError : TypeError;
    throw new Kind(located(messageOf(error), where), { cause: error });
  }
}

/** The place goes behind what cannot be done and before why. */
function located(message: string, where: string): string {
  const what = /^Cannot (?:"[^"]*"|[^":]|:(?! ))*(?=: )/.exec(message)?.[0];
  return what === undefined
    ? `Cannot use ${where}: ${message}`
    : `${what} in ${where}${message.slice(what.length)}`;
}

/** What two pools of one file cannot both have. */
function apart(pools: readonly PoolEntry[], file: string): void {
  const seen = new Map<string, string>();
  for (const pool of pools) {
    const { name = "", pidFile, statusFile, control, listen = [] } = pool;
    const addresses = [
      ...[listen].flat().filter((each) => each !== WHERE_PROGRAM),
      ...ADDRESSES.flatMap((option) => pool[option] ?? []),
    ].map((each) => parseListener(each).address);
    const own = [
      `the name "${name}"`,
      ...(pidFile === undefined ? [] : [`the pid file "${pidFile}"`]),
      ...(statusFile === undefined ? [] : [`the status file "${statusFile}"`]),
      ...(control?.startsWith("/") ? [`the control socket "${control}"`] : []),
      ...addresses.filter((address) => !isAnyPort(address))
        .map((address) => `the address "${formatAddress(address)}"`),
    ];
    for (const what of new Set(own)) {
      const other = seen.get(what);
      if (other !== undefined) {
        throw new TypeError(
          `Cannot use ${file}: the pools "${other}" and "${name}" both have ${what}, give each its own`,
        );
      }
      seen.set(what, name);
    }
  }
}

/** The options that no two pools can share. */
const OF_ONE_POOL: readonly (keyof PoolEntry)[] = [
  ...["program", "args", "name", "pidFile", "statusFile"] as const,
  "notificationFd",
];

/** The options that are one address, beside `listen`. */
const ADDRESSES = ["health", "metrics"] as const;

/** The options that are paths, and words that are none. */
const PATHS: Readonly<Partial<Record<keyof PoolEntry, readonly string[]>>> = {
  pidFile: [],
  statusFile: [],
  compileCache: ["off"],
  control: ["auto", "off"],
};

/** A pool with every path in it made absolute; the program begins at `cwd`. */
function absolute(entry: PoolEntry, { resolve }: ConfigPlace): PoolEntry {
  const paths = Object.entries(PATHS).flatMap(([name, words]) => {
    const path = entry[name as keyof PoolEntry];
    return typeof path !== "string" || words.includes(path)
      ? []
      : [[name, resolve(path)]];
  });
  const addresses = ADDRESSES.flatMap((name) => {
    const address = entry[name];
    return address === undefined
      ? []
      : [[name, absoluteListen(address, resolve)]];
  });
  const { listen, cwd, envFile } = entry;
  return {
    ...entry,
    ...Object.fromEntries([...paths, ...addresses]),
    ...(cwd !== undefined && { cwd: resolve(cwd) }),
    ...(envFile !== undefined &&
      { envFile: [envFile].flat().map((file) => resolve(file)) }),
    ...(typeof listen === "string" &&
      { listen: absoluteListen(listen, resolve) }),
    ...(typeof listen === "object" && {
      listen: listen.map((each) => absoluteListen(each, resolve)),
    }),
  };
}

/** The path of a Unix socket, and those of certificates. */
function absoluteListen(
  text: string,
  resolve: ConfigPlace["resolve"],
): string {
  const [, before = "", path = "", settings = ""] =
    /^((?:[A-Za-z_][\w.-]*=)?unix:)([^@/?][^?]*)(.*)$/s.exec(text) ?? [];
  const socket = path === "" ? text : before + resolve(path) + settings;
  return socket.replaceAll(
    /(?<=[?&](?:cert|key)=)[^&]+/g,
    (encoded) => {
      const file = new URLSearchParams(`file=${encoded}`).get("file")!;
      return encodeURIComponent(resolve(file)).replaceAll("%2F", "/");
    },
  );
}
