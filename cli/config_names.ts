/**
 * How configuration files are found.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

/** The names by which one is found in the working directory. */
export const CONFIG_NAMES: readonly string[] = [
  "prefork.config.ts",
  "prefork.config.js",
  "prefork.config.mjs",
  "prefork.config.json",
];

/** The names of the configuration files that a directory has. */
export function configsIn(directory: string): readonly string[] {
  return CONFIG_NAMES.filter((name) => existsSync(join(directory, name)));
}
