/**
 * Has Node keep the compiled code of the program's modules for the next start,
 * and of the worker's own.
 *
 * @module
 */

import process from "node:process";

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
 *
 * Before any other module of the worker is loaded, so that it is kept as well,
 * and therefore with no import of any.
 */
export function keepCompiled(): void {
  const { bun, deno } = process.versions;
  if (bun !== undefined || deno !== undefined) return;
  const { compileCache, wrapped } = JSON.parse(
    process.env["PREFORK_PRELOAD"] ?? "{}",
  ) as { readonly compileCache?: string; readonly wrapped?: boolean };
  if (compileCache === undefined) return;
  // Some tool that a program in another language has started.
  if (wrapped === true && process.send === undefined) return;
  const { enableCompileCache, flushCompileCache, constants } = process
    .getBuiltinModule("node:module");
  const { status } = enableCompileCache(compileCache);
  if (status !== constants.compileCacheStatus.ENABLED) return;
  for (const ms of FLUSH_MS) setTimeout(flushCompileCache, ms).unref();
}
