/**
 * A reload with other options than those that the pool has.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import { messageOf, PreforkError } from "./errors.ts";
import { checkOptions } from "./options/check.ts";
import type { PoolConfig, PoolOptions } from "./options/options.ts";
import { type Renewal, renewalOf } from "./options/renewal.ts";
import { survey } from "./preflight.ts";
import type { Supervisor } from "./supervise/supervisor.ts";
import type { RuntimePattern } from "./launch/program.ts";
import type { ProgramHabits } from "./launch/program_habits.ts";

/** The pool as it runs. */
interface Running {
  readonly adapter: Adapter;
  readonly config: PoolConfig;
  readonly maxWorkers: number;
  readonly runtimeOf: RuntimePattern;
  readonly habits?: ProgramHabits | undefined;
  readonly supervisor: Supervisor;
}

/** The outside of it. */
interface Renewable {
  /** Resolves when every wanted worker is ready, rejects when one fails. */
  comeUp(): Promise<void>;
  /** Changes how many are wanted. */
  scale(workers: number): void;
  /** Tells the operator something. */
  warn(message: string): void;
}

/**
 * Replaces the workers, by other options where they are given; how many workers
 * there are to be counts when the new ones have proved themselves.
 *
 * @param asked the options that the pool was asked for
 */
export function reload(
  pool: Renewable,
  running: Running,
  asked: PoolConfig,
  options: PoolOptions | undefined,
): Promise<void> {
  const { supervisor } = running;
  if (options !== undefined) return renew(pool, running, asked, options);
  if (supervisor.wanted > 0) return supervisor.reload();
  return revive(pool, running);
}

async function renew(
  pool: Renewable,
  running: Running,
  asked: PoolConfig,
  options: PoolOptions,
): Promise<void> {
  let next: Next;
  try {
    next = lookAt(pool, running, asked, checkOptions(options));
  } catch (error) {
    throw refused(pool, error);
  }
  const { supervisor } = running;
  if (supervisor.wanted === 0) return await revive(pool, running, next);
  await supervisor.reload(next.renewal);
  // Those of a later call may have taken its place while it waited.
  if (supervisor.transaction.reloads.brought !== next.renewal) return;
  const workers = workersBy(next, running);
  if (workers !== undefined && !supervisor.stopping) pool.scale(workers);
}

/**
 * Nobody is left to be replaced: whoever comes now runs the new program, and if
 * that does not come up, nobody does.
 */
async function revive(
  pool: Renewable,
  running: Running,
  next?: Next,
): Promise<void> {
  const { config, supervisor, supervisor: { usual } } = running;
  const { releases } = supervisor.processes;
  const before = { ...config };
  const workers = (next && workersBy(next, running)) ?? usual;
  releases.renew(next?.renewal.config);
  // Before they are wanted: the first may fail at once.
  const up = pool.comeUp();
  up.catch(() => {});
  pool.scale(workers);
  try {
    await up;
  } catch (error) {
    // Whoever has changed their number meanwhile wants them as they are.
    if (supervisor.stopping || supervisor.wanted !== workers) throw error;
    releases.renew(before);
    pool.scale(0);
    supervisor.usual = usual;
    throw refused(pool, error, "there is no worker, as before");
  }
}

/** The error of a reload that replaces nobody: the operator hears it, too. */
export function refused(
  pool: Pick<Renewable, "warn">,
  cause: unknown,
  now = "nothing has changed",
): PreforkError {
  const message = `Cannot reload: ${messageOf(cause)}; ${now}`;
  pool.warn(message);
  return new PreforkError("ERR_RELOAD", message, cause);
}

/** What comes of options. */
interface Next {
  readonly renewal: Renewal;
  /** How many workers they ask for: as it stands there, and in all. */
  readonly asked: PoolConfig["workers"];
  readonly workers: number;
}

/**
 * How many workers there are to be now, where that is another number than the
 * one that was asked for last: a scale by hand stays as it is.
 */
function workersBy(
  { asked, workers }: Next,
  { config, maxWorkers }: Pick<Running, "config" | "maxWorkers">,
): number | undefined {
  const fits = config.range === undefined && workers <= maxWorkers;
  if (asked === config.workers || !fits) return undefined;
  Object.assign(config, { workers: asked });
  return workers;
}

/** What is to be brought; what cannot be is told. */
function lookAt(
  pool: Renewable,
  { adapter, config, maxWorkers, ...running }: Running,
  asked: PoolConfig,
  given: PoolConfig,
): Next {
  const { config: next, workers, ...place } = survey(given, adapter);
  const [before, after] = [running.runtimeOf(0), place.runtimeOf(0)];
  if (next.runtimes === undefined && before !== after) {
    throw new TypeError(
      `"${next.program}" is run by ${after}, and what serves by ${before}, which an upgrade alone can change ("prefork upgrade")`,
    );
  }
  const { listeners } = given;
  const start = ({ program, args }: PoolConfig): string =>
    JSON.stringify([program, args]);
  // What is known of a program has added to its arguments.
  const known = running.habits?.name ?? place.habits?.name;
  const same = JSON.stringify(running.habits) === JSON.stringify(place.habits);
  if (!same || known !== undefined && start(config) !== start(next)) {
    throw new TypeError(
      `how "${next.program}" gets its sockets depends on its command, which an upgrade alone can change ("prefork upgrade")`,
    );
  }
  const renewal = renewalOf(asked, config, { ...next, listeners });
  const isNew = given.range === undefined && config.range === undefined &&
    given.workers !== config.workers;
  const fits = workers <= maxWorkers;
  const others = [...renewal.others, ...(isNew && !fits ? ["workers"] : [])];
  if (others.length > 0) {
    pool.warn(
      `${
        list(others)
      } changed, which counts from an upgrade on: "prefork upgrade", or SIGUSR2`,
    );
  }
  const names = [...renewal.names, ...(isNew && fits ? ["workers"] : [])];
  return { renewal: { ...renewal, names }, asked: given.workers, workers };
}

function list(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return quoted.length === 1
    ? `${quoted[0]} has`
    : `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)} have`;
}
