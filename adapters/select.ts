/**
 * Finds the adapter of the runtime that this program runs on.
 *
 * @module
 */

import type { Adapter } from "../core/adapter.ts";

/**
 * Loads one adapter and none of the others. Bun and Deno come first, because
 * both also look like Node.
 */
export async function loadAdapter(): Promise<Adapter> {
  if ("Bun" in globalThis) {
    return (await import("./bun.ts")).createBunAdapter();
  }
  if ("Deno" in globalThis) {
    return await (await import("./deno.ts")).createDenoAdapter();
  }
  return (await import("./node.ts")).createNodeAdapter();
}
