/**
 * The paths of the pool's Unix sockets, which are not the program's to remove.
 *
 * @module
 */

import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseListener } from "../../core/options/address.ts";

const kept = new Set<string>();

/** Keeps the path of a listener, by its address; others have none. */
export function keepPath(address: string): void {
  if (!address.startsWith("unix:/")) return;
  const { address: parsed } = parseListener(address);
  if (parsed.kind === "unix") kept.add(path.resolve(parsed.path));
}

/** True for the path of a listener, in any form that `node:fs` takes. */
export function isOwnPath(target: unknown): boolean {
  if (kept.size === 0) return false;
  const text = textOf(target);
  if (text === undefined) return false;
  const whole = path.resolve(text);
  return kept.has(whole) ||
    [...kept].some((each) =>
      path.basename(each) === path.basename(whole) &&
      // Another way there, as /var/run is to /run.
      realDirectory(each) === realDirectory(whole)
    );
}

function textOf(target: unknown): string | undefined {
  if (typeof target === "string") return target;
  if (target instanceof URL && target.protocol === "file:") {
    return fileURLToPath(target);
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
