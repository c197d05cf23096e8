/**
 * Has Node keep the compiled code of the command itself for its next start.
 *
 * @module
 */

import process from "node:process";
import { cacheDirectory } from "./cache_directory.ts";

/** When it is written, in ms after the start: with what a start has called. */
const FLUSH_MS = 2_000;

/**
 * Who sets one of these, or gives the option, has decided about it. As in
 * core/launch/compile_cache.ts, which would be loaded before all else.
 */
const DECIDED = ["NODE_COMPILE_CACHE", "NODE_DISABLE_COMPILE_CACHE"];
const OPTION = "--compile-cache";

/**
 * To be called before what is to be kept is loaded. Without a directory for it
 * nothing is kept, and no word of it is said: the pool says so of its workers.
 */
export function keepCompiled(): void {
  const { argv, env, versions } = process;
  if (
    versions["bun"] !== undefined || versions["deno"] !== undefined ||
    DECIDED.some((name) => env[name]) ||
    argv.some((word) => word.startsWith(OPTION))
  ) return;
  const { enableCompileCache, flushCompileCache, constants } = process
    .getBuiltinModule("node:module");
  try {
    const { status } = enableCompileCache(cacheDirectory());
    if (status !== constants.compileCacheStatus.ENABLED) return;
    setTimeout(flushCompileCache, FLUSH_MS).unref();
  } catch {
    // See above.
  }
}
