/**
 * Checks that `adapters/_types/bun.ts` describes Bun truly, against Bun's own
 * types: `tsc -p tsconfig.conformance.json`.
 */
import type { BunLike } from "../adapters/_types/bun.ts";

export const real: BunLike = Bun;
