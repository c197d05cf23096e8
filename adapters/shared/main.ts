/**
 * Whether a module is the one that a runtime was told to run.
 *
 * @module
 */

import { realpathSync } from "node:fs";
import process from "node:process";

/** True for the main module, by its `import.meta`. */
export function isMain(
  { main, url }: { readonly main?: boolean; readonly url: string },
): boolean {
  // Not in Node before 24.2.
  if (main !== undefined) return main;
  const { fileURLToPath } = process.getBuiltinModule("node:url");
  const program = process.argv[1];
  return program !== undefined &&
    realpathSync(program) === fileURLToPath(url);
}
