/**
 * The options of the command line, each with what its value does.
 *
 * @module
 */

import type { PoolOptions } from "../core/options/options.ts";
import { meantBy } from "./habits.ts";
import {
  bytes,
  count,
  mix,
  numbers,
  percent,
  portion,
  rate,
  rule,
  time,
  workers,
} from "./values.ts";
import { nearest } from "../core/options/names.ts";
import {
  logFile,
  logForm,
  type LogOptions,
  logTime,
  programForm,
} from "./log_options.ts";

/** What the command line says of the pools to run. */
export interface RunLine extends RunFile {
  /** The options that are given; without a program where a file says it. */
  readonly options: Partial<PoolOptions>;
  /** What to do about it where no program is found, as a part of a sentence. */
  readonly missing?: string;
}

/** What it says beside the options of a pool. */
interface RunFile {
  /** What is said of the log. */
  readonly log?: Partial<LogOptions>;
  /** A configuration file. */
  readonly config?: string;
  /** A process file of PM2 in its place. */
  readonly pm2?: string;
  /** Which `env_NAME` of that counts. */
  readonly pm2Env?: string;
  /** The names of the pools in it that are meant; all of them unless given. */
  readonly only?: readonly string[];
}

type Draft =
  & { -readonly [K in keyof PoolOptions]: PoolOptions[K] }
  & { -readonly [K in keyof RunFile]: RunFile[K] }
  & { listen?: string[]; runtimeArgs?: string[]; envFile?: string[] }
  & { watch?: (string | true)[] };

/** What an option's value does; the key is its long name. */
const OPTIONS: Readonly<
  Record<string, (draft: Draft, value: string, name: string) => void>
> = {
  config: (draft, value) => draft.config = value,
  pm2: (draft, value) => draft.pm2 = value,
  env: (draft, value) => draft.pm2Env = value,
  only: (draft, value) =>
    draft.only = [...draft.only ?? [], ...value.split(",")],
  workers: (draft, value, name) =>
    draft.workers = value === "auto" ? "auto" : workers(value, name),
  "scale-up": (draft, value, name) => draft.scaleUp = rule(value, name),
  "scale-down": (draft, value, name) => draft.scaleDown = rule(value, name),
  listen: (draft, value) => (draft.listen ??= []).push(value),
  share: (draft, value) => draft.share = value as NonNullable<Draft["share"]>,
  balance: (draft, value) =>
    draft.balance = value as NonNullable<Draft["balance"]>,
  steer: (draft, value) => draft.steer = value as NonNullable<Draft["steer"]>,
  rebalance: (draft, value) =>
    draft.rebalance = value as NonNullable<Draft["rebalance"]>,
  weights: (draft, value, name) => draft.weights = numbers(value, name),
  runtime: (draft, value, name) => draft.runtime = mix(value, name),
  pass: (draft, value) => draft.pass = value as NonNullable<Draft["pass"]>,
  "stop-signal": (draft, value) =>
    draft.stopSignal = value as NonNullable<Draft["stopSignal"]>,
  "ready-line": (draft, value) => draft.readyLine = value,
  "ready-fd": (draft, value, name) => draft.readyFd = count(value, name),
  open: (draft, value) => draft.open = value as NonNullable<Draft["open"]>,
  standby: (draft, value, name) => draft.standby = count(value, name),
  "max-workers": (draft, value, name) => draft.maxWorkers = count(value, name),
  "max-surge": (draft, value, name) => draft.maxSurge = portion(value, name),
  "max-unavailable": (draft, value, name) =>
    draft.maxUnavailable = portion(value, name),
  "max-requests": (draft, value, name) =>
    draft.maxRequests = count(value, name),
  "max-age": (draft, value, name) => draft.maxAge = time(value, name),
  "max-rss": (draft, value, name) => draft.maxRss = bytes(value, name),
  "max-rss-growth": (draft, value, name) =>
    draft.maxRssGrowth = bytes(value, name),
  memory: (draft, value, name) =>
    draft.memory = value === "auto" ? "auto" : bytes(value, name),
  "recycle-jitter": (draft, value, name) =>
    draft.recycleJitter = percent(value, name),
  grace: (draft, value, name) => draft.grace = time(value, name),
  "drain-delay": (draft, value, name) => draft.drainDelay = time(value, name),
  "idle-grace": (draft, value, name) => draft.idleGrace = time(value, name),
  "start-timeout": (draft, value, name) =>
    draft.startTimeout = time(value, name),
  "hang-timeout": (draft, value, name) => draft.hangTimeout = time(value, name),
  "stuck-after": (draft, value, name) => draft.stuckAfter = time(value, name),
  "hang-signal": (draft, value) =>
    draft.hangSignal = value as NonNullable<Draft["hangSignal"]>,
  "hang-stack": (draft, value) =>
    draft.hangStack = value as NonNullable<Draft["hangStack"]>,
  check: (draft, value) => draft.check = value,
  "check-timeout": (draft, value, name) =>
    draft.checkTimeout = time(value, name),
  soak: (draft, value, name) => draft.soak = time(value, name),
  signals: (draft, value) =>
    draft.signals = value as NonNullable<Draft["signals"]>,
  restarts: (draft, value, name) => draft.restarts = rate(value, name),
  down: (draft, value) => draft.down = value as NonNullable<Draft["down"]>,
  "down-after": (draft, value, name) => draft.downAfter = time(value, name),
  probation: (draft, value, name) => draft.probation = time(value, name),
  rollback: (draft, value) =>
    draft.rollback = value as NonNullable<Draft["rollback"]>,
  "compile-cache": (draft, value) => draft.compileCache = value,
  "keep-old": (draft, value, name) => draft.keepOld = time(value, name),
  "notification-fd": (draft, value, name) =>
    draft.notificationFd = count(value, name),
  "pid-file": (draft, value) => draft.pidFile = value,
  name: (draft, value) => draft.name = value,
  control: (draft, value) => draft.control = value,
  health: (draft, value) => draft.health = value,
  metrics: (draft, value) => draft.metrics = value,
  "min-ready": (draft, value, name) => draft.minReady = count(value, name),
  "status-file": (draft, value) => draft.statusFile = value,
  chdir: (draft, value) => draft.cwd = value,
  "env-file": (draft, value) => (draft.envFile ??= []).push(value),
  umask: (draft, value) => draft.umask = value,
  nice: (draft, value, name) => draft.nice = count(value, name),
  "cpu-affinity": (draft, value) => draft.cpuAffinity = value,
  user: (draft, value) => draft.user = value,
  group: (draft, value) => draft.group = value,
  "slot-variable": (draft, value) => draft.slotVariable = value,
  watch: (draft, value) => (draft.watch ??= []).push(value),
  "runtime-arg": (draft, value) => (draft.runtimeArgs ??= []).push(value),
  log: (draft, value, name) =>
    draft.log = { ...draft.log, form: logForm(value, name) },
  "log-time": (draft, value, name) =>
    draft.log = { ...draft.log, time: logTime(value, name) },
  "log-file": (draft, value, name) =>
    draft.log = { ...draft.log, file: logFile(value, name) },
  output: (draft, value, name) =>
    draft.log = { ...draft.log, programs: programForm(value, name) },
};

/** Options without a value; the key is the long name. */
const FLAGS: Readonly<Record<string, (draft: Draft) => void>> = {
  watch: (draft) => (draft.watch ??= []).push(true),
  "ready-notify": (draft) => draft.readyNotify = true,
  "wait-ready": (draft) => draft.waitReady = true,
  "fd-store": (draft) => draft.fdStore = true,
  "private-ports": (draft) => draft.privatePorts = true,
};

const SHORT: Readonly<Record<string, string>> = {
  w: "workers",
  l: "listen",
  s: "share",
  r: "runtime",
  h: "help",
  V: "version",
};

/**
 * Reads the options in front of the program.
 *
 * @returns them, and where the program is; or what `--help` asks for
 */
export function readOptions(
  args: readonly string[],
):
  | { readonly draft: Partial<Draft>; readonly at: number }
  | { readonly kind: "help" | "version" } {
  const draft: Partial<Draft> = {};
  let at = 0;
  for (; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      at++;
      break;
    }
    if (!arg.startsWith("-") || arg === "-") break;
    const { name, inline } = splitOption(arg);
    if (name === "help" || name === "version") return { kind: name };
    const set = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
    if (set !== undefined && inline === undefined) {
      set(draft as Draft);
      continue;
    }
    const take = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (take === undefined) {
      const meant = meantBy(arg) ?? similarTo(arg);
      throw new TypeError(
        `Cannot understand "${arg}": there is no such option, ${
          meant === undefined ? "" : `${meant}; `
        }see prefork --help`,
      );
    }
    const value = inline ?? args[++at];
    if (value === undefined) {
      throw new TypeError(
        `Cannot understand "${arg}": it needs a value, see prefork --help`,
      );
    }
    take(draft as Draft, value, `--${name}`);
  }
  return { draft, at };
}

/** What was read, the options of a pool apart from the rest. */
export function lineOf(
  { log, config, pm2, pm2Env, only, ...options }: Partial<Draft>,
): RunLine {
  return {
    options,
    ...(log !== undefined && { log }),
    ...(config !== undefined && { config }),
    ...(pm2 !== undefined && { pm2 }),
    ...(pm2Env !== undefined && { pm2Env }),
    ...(only !== undefined && { only }),
  };
}

/** An option of nearly the same name, as a part of a sentence. */
function similarTo(arg: string): string | undefined {
  const { name } = splitOption(arg);
  const names = OPTION_NAMES.map((each) => each.slice(2));
  const meant = arg.startsWith("--") ? nearest(name, names) : undefined;
  return meant && `"--${meant}" is one`;
}

/** `--name`, `--name=value`, `-n` and `-nvalue`. */
function splitOption(arg: string): { name: string; inline?: string } {
  if (arg.startsWith("--")) {
    const equals = arg.indexOf("=");
    return equals < 0
      ? { name: arg.slice(2) }
      : { name: arg.slice(2, equals), inline: arg.slice(equals + 1) };
  }
  // Not the letters themselves: "-grace" is no short form of "--grace".
  const name = SHORT[arg[1]!] ?? "";
  return arg.length > 2 ? { name, inline: arg.slice(2) } : { name };
}

/** Every option, as it is written. */
export const OPTION_NAMES: readonly string[] = [
  ...Object.keys(OPTIONS),
  ...Object.keys(FLAGS),
  ...["help", "version"],
].map((name) => `--${name}`);
