/**
 * Checks that `adapters/bun/types.ts` describes Bun truly, against Bun's own
 * types: `tsc -p tsconfig.conformance.json`.
 */
import type { BunLike } from "../adapters/bun/types.ts";

export const real: BunLike = Bun;
