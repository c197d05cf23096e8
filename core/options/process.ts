/**
 * What a worker's process has of its own, whatever runs it: where it runs, its
 * variables, and what the system lets it do.
 *
 * @module
 */

import { record, show, string, strings, text, whole } from "./values.ts";

/** The options that say so. */
export interface ProcessOptions {
  /**
   * The working directory of the workers, in which relative paths begin. A link
   * is followed anew by each reload; until then, and when that has failed, new
   * workers are started from where it led before, as long as that is there.
   *
   * @default the supervisor's own, by its name in `PWD`
   */
  readonly cwd?: string;
  /** Variables for the workers, on top of the supervisor's own. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Files of variables for the workers, in the form of Node's `--env-file`; a
   * later one goes before an earlier one, the supervisor's own environment and
   * `env` go before both. Relative paths begin where the supervisor was started.
   * They are read anew by each reload; until then, and when that has failed, new
   * workers have what was read before.
   *
   * @default {[]}
   */
  readonly envFile?: string | readonly string[];
  /**
   * The permission bits that files of the workers do not get (umask(2)): a
   * number, or octal digits as in `"027"`. The supervisor keeps its own, and so
   * do the Unix sockets of the pool, which have `?mode=`.
   *
   * @default the supervisor's own
   */
  readonly umask?: number | string;
  /**
   * How much the workers give way to other processes, on top of the supervisor's
   * own niceness (nice(1)), from 0 to 19. The supervisor itself does not, so
   * that it can look after workers that compute.
   *
   * @default {0}
   */
  readonly nice?: number;
  /**
   * The CPUs on which the worker of each slot runs: `"auto"` is one for each of
   * those that are granted to the supervisor, in turn, and a list such as
   * `"0,1,4-7"` has an entry for each slot, a CPU or a range of them; slots
   * beyond its end begin at its first entry again. Not with `standby`: such a
   * worker has no slot yet when it starts.
   *
   * @default those granted to the supervisor
   */
  readonly cpuAffinity?: string;
  /**
   * The variable in which programs look for their slot, by the habit of PM2,
   * which calls this `instance_var`.
   *
   * @default {"NODE_APP_INSTANCE"}
   */
  readonly slotVariable?: string;
}

/** The same, checked. */
export interface ProcessConfig {
  /** The working directory. */
  readonly cwd: string | undefined;
  /** Additional variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Files of variables. */
  readonly envFile: readonly string[];
  /** The mask of new files; undefined is the supervisor's own. */
  readonly umask: number | undefined;
  /** The niceness on top of the supervisor's own. */
  readonly nice: number;
  /** What each slot may run on, in turn. */
  readonly cpuAffinity: "auto" | readonly CpuRange[] | undefined;
  /** The variable of the slot; undefined is the usual one. */
  readonly slotVariable: string | undefined;
}

/** CPUs from one to another, both included. */
export interface CpuRange {
  /** The first. */
  readonly from: number;
  /** The last. */
  readonly to: number;
}

/** All permission bits. */
const ALL_BITS = 0o777;

/**
 * Checks them.
 *
 * @throws {TypeError} when one has the wrong type, or cannot go with `standby`
 * @throws {RangeError} when a number is out of range
 */
export function checkProcess(
  options: ProcessOptions & { readonly standby?: number },
): ProcessConfig {
  const { cwd, env = {}, envFile = [], umask, nice = 0 } = options;
  const { cpuAffinity, slotVariable, standby = 0 } = options;
  if (cpuAffinity !== undefined && standby > 0) {
    throw new TypeError(
      `Cannot create a pool: a worker that stands by has no slot, and so no CPU by "cpuAffinity", leave that or "standby" out`,
    );
  }
  return {
    cwd: cwd === undefined ? undefined : text("cwd", cwd),
    env: checkEnv(env),
    envFile:
      (typeof envFile === "string" ? [envFile] : strings("envFile", envFile))
        .map((file) => text("envFile", file)),
    umask: umask === undefined ? undefined : checkMask(umask),
    nice: whole(
      "nice",
      nice,
      0,
      19,
      `; less than 0 is for the whole pool: "nice -n -5 prefork ..", or Nice= of systemd`,
    ),
    cpuAffinity: cpuAffinity === undefined
      ? undefined
      : checkAffinity(cpuAffinity),
    slotVariable: slotVariable === undefined
      ? undefined
      : checkVariable(slotVariable),
  };
}

/**
 * Checks variables.
 *
 * @throws {TypeError} when they are no strings by names that can be used
 */
export function checkEnv(
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  record("env", env, "an object of strings");
  for (const [name, value] of Object.entries(env)) {
    string(`env.${name}`, value);
    // A name of environ(7) ends at the first "=".
    if (name !== "" && !/[=\0]/.test(name)) continue;
    throw new TypeError(
      `Cannot use ${
        show(name)
      } as a name in "env": it must not be empty, nor have "=" or NUL in it`,
    );
  }
  return env;
}

function checkMask(value: unknown): number {
  const mask = typeof value === "string" && /^[0-7]{1,4}$/.test(value)
    ? parseInt(value, 8)
    : value;
  if (
    Number.isInteger(mask) && mask as number >= 0 && mask as number <= ALL_BITS
  ) {
    return mask as number;
  }
  throw new RangeError(
    `Cannot use ${
      show(value)
    } for "umask": it must be octal digits from 000 to 777, as in "027"`,
  );
}

function checkAffinity(value: unknown): "auto" | readonly CpuRange[] {
  if (value === "auto") return value;
  const ranges = typeof value === "string" ? parseCpus(value) : undefined;
  if (ranges !== undefined) return ranges;
  throw new TypeError(
    `Cannot use ${
      show(value)
    } for "cpuAffinity": it must be auto, or an entry for each slot, a CPU or a range of them, as in 0,1,4-7`,
  );
}

function checkVariable(value: unknown): string {
  if (typeof value === "string" && /^(?!PREFORK_)[A-Za-z_]\w*$/.test(value)) {
    return value;
  }
  throw new TypeError(
    `Cannot use ${
      show(value)
    } for "slotVariable": it must be the name of a variable such as INSTANCE_ID, and none of prefork's own`,
  );
}

/** Reads CPUs as in "0,2-3"; undefined where they are none. */
export function parseCpus(list: string): readonly CpuRange[] | undefined {
  const ranges: CpuRange[] = [];
  for (const entry of list.split(",")) {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(entry) ??
      [];
    const [from, to] = [Number(first), Number(last)];
    if (first === undefined || from > to) return undefined;
    ranges.push({ from, to });
  }
  return ranges;
}
