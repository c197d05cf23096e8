/**
 * Has Node keep the compiled code of the program's modules for the next start.
 *
 * @module
 */

import process from "node:process";
import type { Settings } from "../match/settings.ts";
import { RUNTIME } from "../process/runtime.ts";

/**
 * When what was compiled is written, in ms after the start: soon, so that a
 * reload profits, and once what the first requests load is there as well. A
 * worker may end by a signal, before which Node writes nothing.
 */
const FLUSH_MS = [2_000, 30_000];

/**
 * By a call and not by `NODE_COMPILE_CACHE`, which every process that the
 * program starts would inherit. Node has both since 22.8 and the variable goes
 * first; each entry is checked against the text of its module.
 */
export function keepCompiled(
  _core: unknown,
  { compileCache }: Pick<Settings, "compileCache">,
): void {
  if (compileCache === undefined || RUNTIME.name !== "node") return;
  const { enableCompileCache, flushCompileCache, constants } = process
    .getBuiltinModule("node:module");
  const { status } = enableCompileCache(compileCache);
  if (status !== constants.compileCacheStatus.ENABLED) return;
  for (const ms of FLUSH_MS) setTimeout(flushCompileCache, ms).unref();
}
