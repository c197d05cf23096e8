/**
 * What has to be right before the first worker is started.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import { checkFeatures } from "./check_features.ts";
import { startsJavaScript } from "./launch/launchers.ts";
import { type Listener, openListeners } from "./listeners/listeners.ts";
import { MAX_WORKERS, type PoolConfig } from "./options/options.ts";
import {
  commandOf,
  type RuntimePattern,
  runtimePattern,
} from "./launch/program.ts";

/** A pool that can be started. */
export interface Prepared {
  /** How many workers it starts with. */
  readonly workers: number;
  /** The most workers it can have. */
  readonly maxWorkers: number;
  /** Which slot is run by what. */
  readonly runtimeOf: RuntimePattern;
  /** Its bound sockets. */
  readonly listeners: readonly Listener[];
}

/**
 * Fills in what depends on the machine, looks for the program, binds the
 * listeners. When one of them fails, nothing is left open.
 *
 * @throws {PreforkError} `ERR_BOOT`, `ERR_SPAWN`, `ERR_SHARE_MODE`, `ERR_BIND`
 * @throws {TypeError} when a listener's settings do not fit the workers
 */
export async function prepare(
  config: PoolConfig,
  adapter: Adapter,
): Promise<Prepared> {
  const workers = config.workers ?? Math.min(adapter.host.cpus, MAX_WORKERS);
  const maxWorkers = config.maxWorkers ??
    Math.min(MAX_WORKERS, Math.max(8, 2 * workers));
  const runtimeOf = runtimePattern(config.runtimes, config.program, adapter);
  const runtimes = new Set(
    Array.from({ length: workers }, (_, slot) => runtimeOf(slot)),
  );
  for (const runtime of runtimes) commandOf({ ...config, runtime }, adapter);
  const foreign = runtimes.has("exec");
  // Behind npm and the like there is JavaScript all the same.
  const deaf = foreign && !startsJavaScript(config.program, config.args);
  const listeners = await openListeners({
    specs: checkFeatures(config.listeners, deaf, adapter),
    share: config.share,
    shards: Math.max(workers, maxWorkers),
    foreign,
    deaf,
  }, adapter);
  return { workers, maxWorkers, runtimeOf, listeners };
}
