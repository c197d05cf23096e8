/**
 * libc on the runtime that runs this program.
 *
 * @module
 */

import process from "node:process";
import { openLibc as openOnBun } from "./bun.ts";
import { openLibc as openOnDeno } from "./deno.ts";
import type { Libc } from "./libc.ts";
import { openLibc as openOnNode } from "./node.ts";

let opened: Libc | undefined;
let failure: unknown;

/**
 * Opens libc, once for this thread.
 *
 * @throws {Error} why it cannot be had
 */
export function openLibc(): Libc {
  if (failure !== undefined) throw failure;
  try {
    return opened ??= open();
  } catch (error) {
    failure = error;
    throw error;
  }
}

/** libc, or undefined where it cannot be had. */
export function libcHere(): Libc | undefined {
  try {
    return openLibc();
  } catch {
    return undefined;
  }
}

function open(): Libc {
  // Bun and Deno come first, because both also look like Node.
  if (process.versions["bun"] !== undefined) return openOnBun();
  if (process.versions["deno"] !== undefined) return openOnDeno();
  return openOnNode();
}
