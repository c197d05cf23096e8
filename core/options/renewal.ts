/**
 * Options that a reload brings: those that count for new workers alone, and how
 * long is waited for whom. All others belong to the supervisor, which has made
 * sockets, timers and files of them.
 *
 * @module
 */

import type { Budget } from "./budget.ts";
import type { PoolConfig, PoolOptions } from "./options.ts";
import type { ProcessConfig } from "./process.ts";
import type { RecycleConfig } from "./recycle.ts";
import type { WatchConfig } from "./watch.ts";

/** What a reload may be given. */
export interface ReloadOptions {
  /**
   * The options as for a new pool. Those count that a reload can bring, from its
   * first worker on, and not if it fails; a `warning` names the others that are
   * new. Hooks stay as they are.
   *
   * @default those that the pool has
   */
  readonly options?: PoolOptions | undefined;
}

const RENEWABLE: readonly Renewable[] = [
  ...["program", "args", "runtimeArgs", "cwd", "env", "envFile"] as const,
  ...["umask", "nice", "cpuAffinity", "slotVariable"] as const,
  ...["privatePorts", "waitReady", "startTimeout"] as const,
  ...["maxRequests", "maxAge", "maxRss", "maxRssGrowth"] as const,
  ...["recycleJitter", "grace", "idleGrace", "drainDelay"] as const,
  ...["soak", "trial", "probation", "rollback"] as const,
  ...["maxSurge", "maxUnavailable", "down", "downAfter"] as const,
];

type Renewable =
  | "program"
  | "args"
  | "runtimeArgs"
  | keyof ProcessConfig
  | "privatePorts"
  | "waitReady"
  | "startTimeout"
  | keyof RecycleConfig
  | keyof Omit<WatchConfig, "watch">
  | "idleGrace"
  | "drainDelay"
  | "rollback"
  | keyof Budget
  | "down"
  | "downAfter";

/** What a reload brings. */
export interface Renewal {
  /** The options that count from its first worker on. */
  readonly config: Pick<PoolConfig, Renewable>;
  /** The names of those that are new, the number of workers too. */
  readonly names: readonly string[];
  /** The names of those that are new and do not count before an upgrade. */
  readonly others: readonly string[];
}

/** Members of a config that have another name as an option, or none. */
const OPTIONS: Readonly<Partial<Record<keyof PoolConfig, string>>> = {
  listeners: "listen",
  learns: "listen",
  runtimes: "runtime",
  range: "workers",
  trial: "soak",
};

/** Functions cannot be compared, and how many workers there are is no change. */
const LEFT: ReadonlySet<string> = new Set(["hooks", "workers"]);

/**
 * Works out what a reload brings.
 *
 * @param asked the options that the pool was asked for, where it has changed
 * them itself
 * @param now those that it has
 * @param next those that are given
 */
export function renewalOf(
  asked: PoolConfig,
  now: PoolConfig,
  next: PoolConfig,
): Renewal {
  const renewable = new Set<string>(RENEWABLE);
  const names = new Set<string>();
  const others = new Set<string>();
  for (const [member, value] of Object.entries(next)) {
    if (LEFT.has(member)) continue;
    const key = member as keyof PoolConfig;
    const isOwn = renewable.has(member);
    const before = (isOwn ? now : asked)[key];
    if (textOf(before) === textOf(value)) continue;
    (isOwn ? names : others).add(OPTIONS[key] ?? member);
  }
  return {
    config: Object.fromEntries(
      RENEWABLE.map((name) => [name, next[name]]),
    ) as unknown as Renewal["config"],
    names: [...names],
    others: [...others],
  };
}

function textOf(value: unknown): string | undefined {
  return JSON.stringify(
    value,
    (_, each) => each instanceof RegExp ? String(each) : each,
  );
}
