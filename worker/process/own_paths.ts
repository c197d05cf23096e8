/**
 * The paths of the pool's Unix sockets, which are not the program's to remove.
 *
 * @module
 */

import path from "node:path";
import process from "node:process";
import { spareLinkOf } from "../../core/listeners/spare_link.ts";
import { parseListener } from "../../core/options/address.ts";

const kept = new Set<string>();

/** Those that the supervisor was asked to open, and the mode to give them. */
const asked = new Map<string, number | undefined>();

/** Keeps the path of a listener, by its address; others have none. */
export function keepPath(address: string): void {
  const own = pathOf(address);
  if (own === undefined) return;
  kept.add(own);
  const mode = asked.get(own);
  asked.delete(own);
  if (mode === undefined) return;
  try {
    process.getBuiltinModule("node:fs").chmodSync(own, mode);
  } catch (error) {
    process.stderr.write(
      `the mode of ${address} was not changed: ${String(error)}\n`,
    );
  }
}

/** The supervisor is asked to open an address. */
export function askForPath(address: string): void {
  const own = pathOf(address);
  if (own !== undefined && !kept.has(own)) asked.set(own, undefined);
}

/** It did not. */
export function forgetPath(address: string): void {
  asked.delete(pathOf(address) ?? "");
}

/** Gives a path its mode once it is open; false for one that is not asked for. */
export function setModeLater(target: unknown, mode: unknown): boolean {
  if (asked.size === 0) return false;
  const own = path.resolve(textOf(target) ?? "");
  const bits = typeof mode === "string" ? parseInt(mode, 8) : Number(mode);
  if (!asked.has(own) || Number.isNaN(bits)) return false;
  asked.set(own, bits);
  return true;
}

/** True for the path of a listener, in any form that `node:fs` takes. */
export function isOwnPath(target: unknown): boolean {
  return ownPath(target) !== undefined;
}

/**
 * Puts the path of a listener back if it is gone: a shell may have removed it a
 * moment ago (`rm -f $SOCK && node app.js`), before the supervisor has looked.
 */
export function putBack(target: unknown): void {
  const own = ownPath(target);
  if (own === undefined) return;
  try {
    process.getBuiltinModule("node:fs").linkSync(spareLinkOf(own), own);
  } catch {
    // It is there, or the supervisor has no link of it either.
  }
}

function ownPath(target: unknown): string | undefined {
  if (kept.size === 0) return undefined;
  const text = textOf(target);
  if (text === undefined) return undefined;
  const whole = path.resolve(text);
  if (kept.has(whole)) return whole;
  // Another way there, as /var/run is to /run.
  return [...kept].find((each) =>
    path.basename(each) === path.basename(whole) &&
    realDirectory(each) === realDirectory(whole)
  );
}

function pathOf(text: string): string | undefined {
  if (!text.startsWith("unix:")) return undefined;
  const { address } = parseListener(text);
  return address.kind === "unix" && !address.abstract
    ? path.resolve(address.path)
    : undefined;
}

function textOf(target: unknown): string | undefined {
  if (typeof target === "string") return target;
  if (target instanceof URL && target.protocol === "file:") {
    return process.getBuiltinModule("node:url").fileURLToPath(target);
  }
  return target instanceof Uint8Array
    ? new TextDecoder().decode(target)
    : undefined;
}

function realDirectory(file: string): string {
  const directory = path.dirname(file);
  try {
    return process.getBuiltinModule("node:fs").realpathSync(directory);
  } catch {
    return directory;
  }
}
