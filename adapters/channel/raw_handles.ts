/**
 * How a connection comes out at the worker's end of a channel.
 *
 * @module
 */

import type { SpawnPlan } from "../../core/adapter.ts";

/**
 * True for a runtime that makes a raw handle of a connection: it costs less than
 * a socket, and nothing is read from it before a socket is made of it. Bun 1.4.4
 * takes none ("failed to parse handle"), and of a command nobody knows.
 */
export function takesRawHandles(runtime: SpawnPlan["runtime"]): boolean {
  return runtime === "node" || runtime === "deno";
}
