/**
 * Where the module is that workers load before their program.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

// Not written as one path: the compiler renames modules that are imported, and
// this one is only named.
const ENDING = import.meta.url.endsWith(".ts") ? "ts" : "js";
const MODULE = new URL(`../../../worker/preload.${ENDING}`, import.meta.url);

/** Its path, or its address when this package was not loaded from a disk. */
export const PRELOAD: string = MODULE.protocol === "file:"
  ? fileURLToPath(MODULE)
  : MODULE.href;
