/**
 * Where Node keeps the compiled code of the program's modules between starts.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { forbiddenIn, messageOf } from "../errors.ts";
import type { PoolConfig, WorkerRuntime } from "../options/options.ts";
import { accountOf } from "./user.ts";

/** What turns it off. */
const OFF = "off";

/** Node's own settings of it, which go before ours (Node 22.1 and later). */
const OWN_VARIABLES = ["NODE_COMPILE_CACHE", "NODE_DISABLE_COMPILE_CACHE"];

/** Where it is, and why there is none although one was wanted. */
export interface CompileCache {
  /** Its directory. */
  readonly compileCache?: string;
  /** The reason that there is none, and what mends it. */
  readonly noCompileCache?: string;
}

/** The compile cache of a pool; no failure of it is one of the pool. */
export function compileCacheOf(
  { compileCache, env, user, group }: Pick<
    PoolConfig,
    "compileCache" | "env" | "user" | "group"
  >,
  runtimes: ReadonlySet<WorkerRuntime>,
  { host }: Adapter,
): CompileCache {
  const all = { ...host.env, ...env };
  if (
    compileCache === OFF || OWN_VARIABLES.some((name) => all[name]) ||
    // Behind "exec" there may be npm.
    !(runtimes.has("node") || runtimes.has("exec"))
  ) return {};
  try {
    const uid = accountOf({ user, group }, host)?.uid;
    return { compileCache: host.cacheDirectory(compileCache, uid) };
  } catch (error) {
    const reason = forbiddenIn(error) ??
      `${messageOf(error)}: make it this user's alone, or give another one`;
    return { noCompileCache: reason };
  }
}
