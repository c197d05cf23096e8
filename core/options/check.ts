/**
 * Checks the options of a pool: what is wrong gets an error that names it.
 *
 * @module
 */

import { affinityOf, type Balance, BALANCES, isBalance } from "./balance.ts";
import { checkBudget } from "./budget.ts";
import {
  formatAddress,
  isAnyPort,
  type ListenerSpec,
  parseListener,
} from "./address.ts";
import {
  DEFAULT_LISTEN,
  type PoolConfig,
  type PoolOptions,
  type RuntimeShare,
  WHERE_PROGRAM,
  type WorkerRuntime,
} from "./options.ts";
import { checkService } from "./service.ts";
import { checkStatusFile } from "./status_file.ts";
import { checkHealthCheck } from "./health_check.ts";
import { checkControl } from "./control.ts";
import { checkHang } from "./hang.ts";
import { checkMonitor } from "./monitor.ts";
import { checkRestarts } from "./restart.ts";
import { checkMemory } from "./memory.ts";
import { checkProcess } from "./process.ts";
import { checkProgram } from "./program.ts";
import { checkRecycle } from "./recycle.ts";
import { checkScaling, checkWorkers } from "./scaling.ts";
import { insteadOf } from "./names.ts";
import { SHARE_MODES } from "./share_mode.ts";
import { REBALANCE } from "./rebalance.ts";
import { STEER_BY } from "./steer.ts";
import { checkHooks } from "./hooks.ts";
import {
  duration,
  flag,
  MAX_WORKERS,
  oneOf,
  record,
  show,
  strings,
  text,
  unless,
  whole,
} from "./values.ts";
import { checkUpgrade } from "./upgrade.ts";
import { checkUser } from "./user.ts";
import { checkWatch } from "./watch.ts";
import { PRESET_NAMES, type SignalPreset } from "./signals.ts";

/** The least and the most that a slot can weigh; the usual weight is 1. */
const MIN_WEIGHT = 0.001;
const MAX_WEIGHT = 1000;

const ROLLBACKS = ["park", "restart", "none"] as const;

const OPEN_POLICIES = ["none", "unprivileged", "any"] as const;

const RUNTIMES: readonly WorkerRuntime[] = ["node", "deno", "bun", "exec"];

const KNOWN: Readonly<Record<keyof PoolOptions, true>> = {
  program: true,
  args: true,
  listen: true,
  workers: true,
  scaleUp: true,
  scaleDown: true,
  maxWorkers: true,
  standby: true,
  share: true,
  balance: true,
  weights: true,
  steer: true,
  rebalance: true,
  runtime: true,
  runtimeArgs: true,
  privatePorts: true,
  open: true,
  compileCache: true,
  cwd: true,
  env: true,
  envFile: true,
  umask: true,
  nice: true,
  cpuAffinity: true,
  user: true,
  group: true,
  slotVariable: true,
  pass: true,
  stopSignal: true,
  readyLine: true,
  readyFd: true,
  readyNotify: true,
  output: true,
  signals: true,
  upgradeCommand: true,
  keepOld: true,
  pidFile: true,
  name: true,
  control: true,
  health: true,
  metrics: true,
  minReady: true,
  fdStore: true,
  notificationFd: true,
  statusFile: true,
  watch: true,
  grace: true,
  drainDelay: true,
  idleGrace: true,
  startTimeout: true,
  hangTimeout: true,
  stuckAfter: true,
  hangSignal: true,
  hangStack: true,
  waitReady: true,
  check: true,
  checkTimeout: true,
  soak: true,
  probation: true,
  rollback: true,
  maxSurge: true,
  maxUnavailable: true,
  hooks: true,
  restarts: true,
  down: true,
  downAfter: true,
  maxRequests: true,
  maxAge: true,
  maxRss: true,
  maxRssGrowth: true,
  recycleJitter: true,
  memory: true,
};

/** The name of every option. */
export const OPTION_NAMES: readonly string[] = Object.keys(KNOWN);

/**
 * Checks the options of a pool and completes them.
 *
 * @throws {TypeError} when a member has the wrong type or is unknown
 * @throws {RangeError} when a number is out of range
 */
export function checkOptions(options: PoolOptions): PoolConfig {
  for (const name of Object.keys(record("options", options, "an object"))) {
    if (!Object.hasOwn(KNOWN, name)) {
      throw new TypeError(
        `Cannot create a pool: there is no option "${name}", ${
          insteadOf(name, OPTION_NAMES)
        }`,
      );
    }
  }
  const runtimes = checkRuntime(options.runtime);
  const mixed = runtimes?.reduce((sum, { count }) => sum + count, 0) ?? 0;
  const { range, workers = mixed > 1 ? mixed : undefined } = checkWorkers(
    options.workers,
  );
  if (mixed > 1) whole("runtime", mixed, 1, MAX_WORKERS);
  if (mixed > 1 && (workers !== mixed || range !== undefined)) {
    throw new RangeError(
      `Cannot create a pool: "workers" is ${
        range === undefined ? workers : "a range"
      } but "runtime" adds up to ${mixed}, leave "workers" out`,
    );
  }
  if (range !== undefined && options.maxWorkers !== undefined) {
    throw new RangeError(
      `Cannot create a pool: "workers" says that ${range.max} are the most, leave "maxWorkers" out`,
    );
  }
  const learns = options.listen === WHERE_PROGRAM;
  const listeners = learns
    ? []
    : checkListeners(unless(options.listen, DEFAULT_LISTEN));
  const config: PoolConfig = {
    program: text("program", options.program),
    args: strings("args", unless(options.args, [])),
    listeners,
    learns,
    workers,
    range,
    ...checkScaling(options),
    maxWorkers: options.maxWorkers === undefined
      ? undefined
      : whole("maxWorkers", options.maxWorkers, workers ?? 1, MAX_WORKERS),
    standby: whole("standby", unless(options.standby, 0), 0, 64),
    share: oneOf("share", unless(options.share, "auto"), [
      ...SHARE_MODES,
      "auto",
    ]),
    balance: balance(unless(options.balance, "round-robin")),
    steer: oneOf("steer", unless(options.steer, "auto"), STEER_BY),
    rebalance: oneOf("rebalance", unless(options.rebalance, "on"), REBALANCE),
    weights: parseWeights(unless(options.weights, [])),
    runtimes,
    runtimeArgs: strings("runtimeArgs", unless(options.runtimeArgs, [])),
    privatePorts: flag("privatePorts", unless(options.privatePorts, false)),
    open: oneOf("open", unless(options.open, "unprivileged"), OPEN_POLICIES),
    compileCache: options.compileCache === undefined
      ? undefined
      : text("compileCache", options.compileCache),
    ...checkProcess(options),
    ...checkUser(options),
    ...checkProgram(options),
    output: oneOf("output", unless(options.output, "inherit"), [
      "inherit",
      "lines",
    ]),
    signals: checkSignals(unless(options.signals, false)),
    ...checkControl(options),
    ...checkService(options),
    ...checkStatusFile(options),
    ...checkMonitor(
      options,
      listeners,
      range?.max ?? options.maxWorkers ?? workers,
    ),
    ...checkWatch(options),
    drainDelay: duration("drainDelay", unless(options.drainDelay, 0)),
    idleGrace: duration("idleGrace", unless(options.idleGrace, 300)),
    startTimeout: duration(
      "startTimeout",
      unless(options.startTimeout, 60_000),
    ),
    ...checkHang(options),
    waitReady: flag("waitReady", unless(options.waitReady, false)),
    ...checkHealthCheck(options),
    rollback: oneOf("rollback", unless(options.rollback, "park"), ROLLBACKS),
    ...checkBudget(
      unless(options.maxSurge, 1),
      unless(options.maxUnavailable, 0),
    ),
    hooks: checkHooks(unless(options.hooks, {})),
    restarts: checkRestarts(unless(options.restarts, {})),
    down: options.down === undefined
      ? undefined
      : oneOf("down", options.down, ["503", "refuse", "queue"]),
    downAfter: duration("downAfter", unless(options.downAfter, 5_000)),
    ...checkRecycle(options),
    memory: checkMemory(options.memory),
    ...checkUpgrade(options),
  };
  checkAffinity(config);
  checkWeights(config);
  return config;
}

function checkSignals(value: unknown): SignalPreset | undefined {
  if (value === false) return undefined;
  if (value === true) return "default";
  const preset = PRESET_NAMES.find((name) => name === value);
  if (preset !== undefined) return preset;
  throw new TypeError(
    `Cannot use ${
      show(value)
    } for "signals": it must be true, false or one of ${
      PRESET_NAMES.join(", ")
    }`,
  );
}

function balance(value: unknown): Balance {
  if (isBalance(value)) return value;
  throw new TypeError(
    `Cannot use ${show(value)} for "balance": it must be one of ${BALANCES}`,
  );
}

/** A supervisor sees nothing of a request that comes over TLS. */
function checkAffinity(
  { balance, share, listeners }: Pick<
    PoolConfig,
    "balance" | "share" | "listeners"
  >,
): void {
  const affinity = affinityOf(balance);
  if (affinity === undefined || affinity.by === "address") return;
  for (const { name, certificates, share: own = share } of listeners) {
    if (own !== "handoff" || certificates === undefined) continue;
    throw new TypeError(
      `Cannot create a pool: "balance" is "${balance}", but on "${name}" only the worker sees what TLS hides, use "sticky" or end TLS in front of the pool`,
    );
  }
}

/**
 * Checks the weights themselves.
 *
 * @throws {TypeError} when they are no array
 * @throws {RangeError} when one of them is no number from 0.001 to 1000
 */
function parseWeights(value: unknown): readonly number[] {
  if (!Array.isArray(value)) {
    throw new TypeError(
      `Cannot use ${show(value)} for "weights": it must be an array of numbers`,
    );
  }
  // Not by map(), which leaves holes out.
  return Array.from(value, (weight: unknown, slot) => {
    const fits = typeof weight === "number" && weight >= MIN_WEIGHT &&
      weight <= MAX_WEIGHT;
    if (fits) return weight;
    throw new RangeError(
      `Cannot use ${
        show(weight)
      } as the weight of slot ${slot}: it must be a number from ${MIN_WEIGHT} to ${MAX_WEIGHT}`,
    );
  });
}

/**
 * Checks whether weights can count at all.
 *
 * @throws {TypeError} when every listener is asked to be shared in a mode in
 * which the kernel or the order decides
 */
function checkWeights(
  { weights, share, listeners, learns }: Pick<
    PoolConfig,
    "weights" | "share" | "listeners" | "learns"
  >,
): void {
  if (weights.length === 0) return;
  if (learns && (share === "auto" || share === "balanced")) return;
  for (const { share: own = share } of listeners) {
    if (own === "auto" || own === "balanced") return;
  }
  throw new TypeError(
    `Cannot create a pool: "weights" count in "balanced" only, and no listener is shared so, leave "share" or "weights" out`,
  );
}

function checkListeners(
  listen: string | readonly string[],
): readonly ListenerSpec[] {
  const texts = typeof listen === "string" ? [listen] : strings(
    "listen",
    listen,
    'an address such as ":8080" or an array of them',
  );
  const specs = texts.map(parseListener);
  const seen = new Set<string>();
  for (const { name, share, address } of specs) {
    // Two free ports without a name are two listeners with an address each.
    const free = isAnyPort(address) &&
      name === formatAddress(address);
    if (seen.has(name) && !free) {
      throw new TypeError(
        `Cannot create a pool: two listeners are named "${name}", give each its own as in "api=:8080"`,
      );
    }
    seen.add(name);
    if (share !== undefined) oneOf("share", share, [...SHARE_MODES, "auto"]);
  }
  return specs;
}

function checkRuntime(
  runtime: PoolOptions["runtime"],
): readonly RuntimeShare[] | undefined {
  if (runtime === undefined) return undefined;
  if (typeof runtime !== "object" || runtime === null) {
    return [{ runtime: oneOf("runtime", runtime, RUNTIMES), count: 1 }];
  }
  const given = record("runtime", runtime, "a name or an object of numbers");
  const shares = Object.entries(given).map(([name, count]) => ({
    runtime: oneOf("runtime", name, RUNTIMES),
    count: whole(`runtime.${name}`, count, 1, MAX_WORKERS),
  }));
  if (shares.length === 0) {
    throw new TypeError(
      `Cannot create a pool: "runtime" is empty, valid are ${
        RUNTIMES.join(", ")
      } or an object such as { node: 3, bun: 1 }`,
    );
  }
  return shares;
}
