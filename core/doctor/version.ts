/**
 * The oldest versions of the runtimes that are supported.
 *
 * @module
 */

import type { RuntimeName } from "../adapter.ts";

/** They, major and minor; a test compares package.json. */
export const OLDEST: Readonly<Record<RuntimeName, string>> = {
  node: "22.12",
  deno: "2.9",
  bun: "1.4",
};

/** Node has `node:ffi` from here on, without a flag. */
export const NODE_FFI = "26.9";

/** Compares major and minor numbers. */
export function isOlder(version: string, oldest: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [least = 0, leastMinor = 0] = oldest.split(".").map(Number);
  return major < least || major === least && minor < leastMinor;
}

/** Why a runtime cannot run the command, as a sentence; undefined where it can. */
export function tooOld(
  versions: Readonly<Record<string, string | undefined>>,
): string | undefined {
  // Both also name a version of Node.
  const name = versions["bun"] !== undefined
    ? "bun"
    : versions["deno"] !== undefined
    ? "deno"
    : "node";
  const version = versions[name];
  const oldest = OLDEST[name];
  return version === undefined || !isOlder(version, oldest)
    ? undefined
    : `Cannot run on ${name} ${version}: it must be ${name} ${oldest} or later, install that, or put it first in PATH ("prefork doctor" says what else is missing)`;
}
