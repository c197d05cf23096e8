/**
 * Where the module is that workers load before their program.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** Where it is from here once this module is bundled (`scripts/build.ts`). */
declare const PRELOAD_FILE: string | undefined;

const MODULE = new URL(
  typeof PRELOAD_FILE === "string" ? PRELOAD_FILE : "../../worker/preload.ts",
  import.meta.url,
);

/** Its path, or its address when this package was not loaded from a disk. */
export const PRELOAD: string = MODULE.protocol === "file:"
  ? fileURLToPath(MODULE)
  : MODULE.href;
