/**
 * Where the module is that workers load before their program.
 *
 * @module
 */

import path from "node:path";

/** Where it is from here once this module is bundled (`scripts/build.ts`). */
declare const PRELOAD_FILE: string | undefined;

const MODULE = typeof PRELOAD_FILE === "string"
  ? PRELOAD_FILE
  : "../../worker/preload.ts";

const { dirname, url } = import.meta;

/** Its path, or its address when this package was not loaded from a disk. */
export const PRELOAD: string = dirname === undefined
  ? new URL(MODULE, url).href
  : path.join(dirname, MODULE);
