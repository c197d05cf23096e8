/**
 * Where the supervisor itself answers how its pool is: the options for it.
 *
 * @module
 */

import { formatAddress, type ListenerSpec, parseListener } from "./address.ts";
import { MAX_WORKERS, text, whole } from "./values.ts";

/** The options that say so. */
export interface MonitorOptions {
  /**
   * An address, written as in `listen`, where the supervisor answers HTTP:
   * `/ready` with 200 while at least `minReady` workers are ready and the pool
   * is not about to stop, else with 503; `/live` with 200 (docs/METRICS.md). A
   * pool that cannot bind it does not start.
   *
   * @default there is none
   */
  readonly health?: string;
  /**
   * An address, written as in `listen`, where the supervisor answers HTTP:
   * `/metrics` in the format of OpenMetrics or Prometheus (docs/METRICS.md). It
   * can be the one of `health`. A pool that cannot bind it does not start. The
   * control socket has the same page.
   *
   * @default there is none
   */
  readonly metrics?: string;
  /**
   * How many workers have to be ready for `/ready`.
   *
   * @default {1}
   */
  readonly minReady?: number;
}

/** The same, checked. */
export interface MonitorConfig {
  /** Where it answers whether the pool serves, if it does. */
  readonly health: ListenerSpec | undefined;
  /** Where it tells its metrics, if it does. */
  readonly metrics: ListenerSpec | undefined;
  /** How many workers have to be ready. */
  readonly minReady: number;
}

/**
 * Checks them.
 *
 * @param most the most workers that the pool can have, as far as that is known
 * @throws {TypeError} when an address cannot be used
 * @throws {RangeError} when there can never be so many workers
 */
export function checkMonitor(
  { health, metrics, minReady = 1 }: MonitorOptions,
  listeners: readonly ListenerSpec[],
  most: number = MAX_WORKERS,
): MonitorConfig {
  return {
    health: checkAddress("health", health, listeners),
    metrics: checkAddress("metrics", metrics, listeners),
    minReady: whole("minReady", minReady, 1, most, ", the workers of the pool"),
  };
}

function checkAddress(
  option: string,
  value: string | undefined,
  listeners: readonly ListenerSpec[],
): ListenerSpec | undefined {
  if (value === undefined) return undefined;
  const spec = parseListener(text(option, value));
  const address = formatAddress(spec.address);
  if (spec.address.kind === "udp") {
    throw new TypeError(
      `Cannot use "${value}" for "${option}": the supervisor answers HTTP there, which is TCP's, leave "udp://" out`,
    );
  }
  const { share, certificates, proxy, name } = spec;
  if (name !== address || (share ?? certificates ?? proxy) !== undefined) {
    throw new TypeError(
      `Cannot use "${value}" for "${option}": the supervisor answers plain HTTP there by itself, write "${address}" without a name, "share", "cert", "key" and "proxy"`,
    );
  }
  if (
    address.endsWith(":0") ||
    !listeners.some((each) => formatAddress(each.address) === address)
  ) return spec;
  throw new TypeError(
    `Cannot use "${value}" for "${option}": the workers listen there, choose another address`,
  );
}
