/**
 * Whether a pool's listeners are to have shards among which the kernel picks,
 * where one queue was asked for, or nothing: the kernel, the supervisor and all
 * workers have to be able to. Found out before a socket is bound.
 *
 * @module
 */

import type { Adapter, RuntimeName } from "./adapter.ts";
import { isOlder, NODE_FFI } from "./doctor/version.ts";
import { messageOf } from "./errors.ts";
import { commandOf, type RuntimePattern } from "./launch/program.ts";
import type { ListenerSpec } from "./options/address.ts";
import { lacksFfi } from "./options/deno_permission.ts";
import { nodeLacksFfi } from "./options/node_permission.ts";
import type { PoolConfig } from "./options/options.ts";

/** The pool that it is about. */
export interface SteerQuestion {
  /** Its options. */
  readonly config: PoolConfig;
  /** Where it listens. */
  readonly specs: readonly ListenerSpec[];
  /** How many slots there can be: so many shards each listener would have. */
  readonly slots: number;
  /** Which of them is run by what. */
  readonly runtimeOf: RuntimePattern;
}

/**
 * So many shards a pool gets unasked. Each is a descriptor in the supervisor and
 * in every worker, of 1,024 that a process often has, and a row that the program
 * looks at for each new connection.
 */
const MOST = 256;

/**
 * True where the kernel can be made to pick and idle workers can help; else why not,
 * in a few words; undefined where it is not wanted or not to be expected.
 */
export function steersHere(
  { config, specs, slots, runtimeOf }: SteerQuestion,
  adapter: Adapter,
): true | string | undefined {
  const { host } = adapter;
  const { steer, share, stuckAfter, fdStore } = config;
  const asking = specs.filter(({ address, share: own = share }) =>
    address.kind === "tcp" && (own === "auto" || own === "balanced")
  );
  if (
    steer === "off" || host.platform !== "linux" || asking.length === 0
  ) return undefined;
  const runtimes = new Set(
    Array.from({ length: slots }, (_, i) => runtimeOf(i)),
  );
  for (const runtime of runtimes) {
    if (runtime === "exec") return undefined;
    const problem = workerProblem(runtime, config, adapter);
    if (problem !== undefined) return problem;
  }
  if (slots * asking.length > MOST) {
    return `${slots} slots are more than get a socket each unasked`;
  }
  if (stuckAfter === 0) {
    return `nobody helps who is held up ("stuckAfter" is 0)`;
  }
  if (fdStore ?? Number(host.env["FDSTORE"]) > 0) {
    return "the sockets outlive this process, and its table does not";
  }
  const picks = kernelPicks(adapter);
  if (picks !== true) return picks;
  return host.asksQuickly() ? true : "the queues cannot be looked at";
}

/**
 * True where the kernel can be made to pick among shards; else why not. Of one: the
 * verifier takes 0.2 ms for each, and says the same of all that there can be.
 */
export function kernelPicks(adapter: Pick<Adapter, "steer">): true | string {
  try {
    const made = adapter.steer(1);
    try {
      made.load();
    } finally {
      made.close();
    }
    return true;
  } catch (error) {
    return messageOf(error);
  }
}

/** Why a worker cannot write what it holds, where that can be told beforehand. */
function workerProblem(
  runtime: RuntimeName,
  config: PoolConfig,
  adapter: Adapter,
): string | undefined {
  const command = commandOf({ ...config, runtime }, adapter);
  const given = command.slice(1, -1 - config.args.length);
  if (runtime === "deno") {
    return lacksFfi(given) ? "workers on Deno need --allow-ffi" : undefined;
  }
  if (runtime === "bun") return undefined;
  // Of another Node than the supervisor's own the version is not known.
  if (adapter.runtime !== "node" || isOlder(adapter.version, NODE_FFI)) {
    return adapter.runtime === "node"
      ? `Node ${NODE_FFI} or later is needed`
      : `workers need Node ${NODE_FFI} or later, which a supervisor on Node alone knows`;
  }
  const options = config.env["NODE_OPTIONS"] ??
    adapter.host.env["NODE_OPTIONS"];
  return nodeLacksFfi(given, options)
    ? "workers on Node need --allow-ffi"
    : undefined;
}
