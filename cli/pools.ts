/**
 * Which pools the command runs: the one of the command line, or those of a
 * configuration file.
 *
 * @module
 */

import { resolve } from "node:path";
import {
  type ConfiguredPools,
  type PoolEntry,
  within,
} from "../core/options/config.ts";
import { insteadOf } from "../core/options/names.ts";
import type { PoolOptions } from "../core/options/options.ts";
import { string } from "../core/options/values.ts";
import type { RunLine } from "./options.ts";
import type { Load, Pm2Pools } from "./config.ts";
import { CONFIG_NAMES, configsIn } from "./config_names.ts";
import {
  filesFrom,
  logFile,
  logForm,
  type LogOptions,
  logTime,
  type ProgramForm,
  programForm,
  USUAL_LOG,
} from "./log_options.ts";

/** What is to be run. */
export interface Plan {
  /** The file that says it, as it is named in errors; undefined without one. */
  readonly file?: string;
  /** The pools. */
  readonly pools: readonly PlannedPool[];
}

/** One pool of it. */
export interface PlannedPool {
  /** Its options. */
  readonly options: PoolOptions;
  /** How its log is written. */
  readonly log: LogOptions;
  /** What the user should know of it, as sentences. */
  readonly warnings: readonly string[];
}

/** Where the command was called. */
export interface Place {
  /** How many CPUs there are. */
  readonly cpus: number;
  /** A path as an absolute one. */
  resolve(path: string): string;
  /** Reads what a file exports; unless given, as an import does, once. */
  readonly load?: Load;
}

/**
 * Works out what is to be run.
 *
 * @throws {TypeError} when there is neither a program nor a configuration file,
 * or the file cannot be used
 * @throws {RangeError} when a number in the file is out of range
 */
export async function planOf(line: RunLine, place: Place): Promise<Plan> {
  const { options, config } = line;
  const { program } = options;
  refuseTogether(line);
  if (program !== undefined && config === undefined) {
    const warnings = unreadIn(place.resolve("."));
    const log = { ...USUAL_LOG, ...line.log };
    return { pools: [{ options: { ...options, program }, log, warnings }] };
  }
  const found = await filePools(line, place);
  const { ignored = {}, outputs = {} } = found;
  const log = { ...USUAL_LOG, ...logIn(found) };
  const pools = meant(found.pools, line.only, found.file);
  if (pools.length > 1) refuseOfOne(options, found.file);
  return {
    file: found.file,
    pools: pools.map((entry) => {
      const { cwd = program === undefined ? found.directory : undefined } =
        entry;
      const own = program ?? entry.program;
      const output = outputs[entry.name ?? ""];
      if (own === undefined) {
        throw new TypeError(
          `Cannot use ${whereOf(entry, found.file)}: it has no "program"`,
        );
      }
      return {
        options: {
          ...entry,
          ...(cwd !== undefined && { cwd }),
          ...options,
          program: own,
        },
        log: {
          ...log,
          ...(output !== undefined && { programs: output }),
          ...line.log,
        },
        warnings: ignored[entry.name ?? ""] ?? [],
      };
    }),
  };
}

/** The pools of the file that is meant. */
async function filePools(
  { config, pm2, pm2Env, missing }: RunLine,
  { cpus, resolve, load }: Place,
): Promise<ConfiguredPools & Partial<Pm2Pools>> {
  const directory = resolve(".");
  const { configFrom, pm2From } = await import("./config.ts");
  if (pm2 === undefined) {
    const file = resolve(config ?? configIn(directory, missing));
    return await configFrom(file, directory, load);
  }
  const env = pm2Env === undefined ? {} : { env: pm2Env };
  return await pm2From(resolve(pm2), directory, { cpus, ...env }, load);
}

/** What does not go together. */
function refuseTogether({ options, config, pm2, pm2Env, only }: RunLine): void {
  const program = options.program !== undefined;
  const refuse = (what: string, why: string): never => {
    throw new TypeError(`Cannot use ${what}: ${why}, leave one out`);
  };
  if (pm2 === undefined && pm2Env !== undefined) {
    throw new TypeError(
      `Cannot use "--env ${pm2Env}" without "--pm2 FILE": it says which env_${pm2Env} of that file counts`,
    );
  }
  if (pm2 !== undefined && config !== undefined) {
    refuse(`"--pm2" and "--config"`, "both name a file of pools");
  }
  if (pm2 !== undefined && program) {
    refuse(`"--pm2" with a program`, "the file names its programs");
  }
  if (only !== undefined && program && config === undefined) {
    refuse(
      `"--only" with a program`,
      "it chooses among the pools of a configuration file",
    );
  }
}

/** What a file says of the log. */
function logIn(
  { file, directory, log: { log, logTime: time, logFile: own, output } }:
    ConfiguredPools,
): Partial<LogOptions> {
  return within(file, () => ({
    ...(log !== undefined && { form: logForm(log, "log") }),
    ...(time !== undefined && { time: logTime(time, "logTime") }),
    ...(own !== undefined && {
      file: resolve(directory, logFile(string("logFile", own), "logFile")),
    }),
    ...(output !== undefined && {
      programs: programsIn(directory, string("output", output)),
    }),
  }));
}

/** A file begins at the directory of the configuration. */
function programsIn(directory: string, output: string): ProgramForm {
  const form = programForm(output, "output");
  return typeof form === "string" ? form : filesFrom(directory, form);
}

function whereOf({ name }: PoolEntry, file: string): string {
  return name === undefined ? file : `pool "${name}" of ${file}`;
}

/** The configuration file of a directory. */
function configIn(
  directory: string,
  missing = "write prefork [options] program [args]",
): string {
  const [found, other] = configsIn(directory);
  if (found === undefined) {
    throw new TypeError(
      `Cannot run without a program: ${missing}, or a file ${
        CONFIG_NAMES[0]
      } (docs/CONFIG.md), see prefork --help`,
    );
  }
  if (other === undefined) return found;
  throw new TypeError(
    `Cannot choose between ${found} and ${other}: remove one, or name it by "--config FILE"`,
  );
}

/** A file that a user may expect to be read, and is not. */
function unreadIn(directory: string): readonly string[] {
  return configsIn(directory).map((file) =>
    `${file} is not read, because a program is given: leave that out, or add "--config ${file}"`
  );
}

/** The pools that `--only` names. */
function meant(
  pools: readonly PoolEntry[],
  only: readonly string[] | undefined,
  file: string,
): readonly PoolEntry[] {
  if (only === undefined) return pools;
  const names = pools.flatMap(({ name }) => name === undefined ? [] : [name]);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown === undefined) {
    return pools.filter(({ name }) => only.includes(name!));
  }
  throw new TypeError(
    `Cannot use "${unknown}" for "--only": ${file} has no such pool, ${
      names.length === 0
        ? "the one in it has no name"
        : insteadOf(unknown, names)
    }`,
  );
}

/** Options of the command line that several pools cannot share. */
const OF_ONE: Readonly<Partial<Record<keyof PoolOptions, string>>> = {
  program: "a program",
  listen: `"--listen"`,
  health: `"--health"`,
  metrics: `"--metrics"`,
  name: `"--name"`,
  pidFile: `"--pid-file"`,
  notificationFd: `"--notification-fd"`,
  statusFile: `"--status-file"`,
};

function refuseOfOne(options: Partial<PoolOptions>, file: string): void {
  const { control } = options;
  const given =
    Object.entries(OF_ONE).find(([name]) => Object.hasOwn(options, name))
      ?.[1] ??
      (control === undefined || control === "auto" || control === "off"
        ? undefined
        : `"--control ${control}"`);
  if (given === undefined) return;
  throw new TypeError(
    `Cannot use ${given} for the several pools of ${file}: name one of them by --only NAME, or write it in the file`,
  );
}
