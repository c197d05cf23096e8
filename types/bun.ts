/**
 * Checks that `adapters/shared/bun_types.ts` describes Bun truly, against Bun's own
 * types: `tsc -p tsconfig.conformance.json`.
 */
import type { BunLike } from "../adapters/shared/bun_types.ts";

export const real: BunLike = Bun;
