/**
 * Has a program that removes its socket's path leave the pool's: by hand it has
 * to, before it listens and when it ends, but here others accept on it.
 * Whatever removes it in another way has the supervisor put it back, a moment
 * later.
 *
 * @module
 */

import process from "node:process";
import { isOwnPath } from "../process/own_paths.ts";

type Call = (this: unknown, ...args: unknown[]) => unknown;

/** Has functions of an object do nothing to the pool's paths. */
function spare(object: object, names: readonly string[], nothing: Call): void {
  const members = object as Record<string, unknown>;
  for (const name of names) {
    const original = members[name];
    if (typeof original !== "function") continue;
    const replaced: Call = function (...args) {
      const own = isOwnPath(args[0] ?? nameOf(this));
      return (own ? nothing : original as Call).apply(this, args);
    };
    Object.defineProperty(replaced, "name", { value: name });
    members[name] = replaced;
  }
}

/** The file that a method belongs to: that of `Bun.file()`. */
function nameOf(file: unknown): unknown {
  return (file as { readonly name?: unknown } | undefined)?.name;
}

/** Replaces what removes a file in `node:fs` and in the runtime's own API. */
export function patchRemoval(): void {
  // Not by an import, which would come before the change.
  const fs = process.getBuiltinModule("node:fs");
  spare(fs, ["unlinkSync", "rmSync"], () => undefined);
  spare(fs, ["unlink", "rm"], (...args) => {
    const callback = args.at(-1);
    if (typeof callback === "function") process.nextTick(callback, null);
  });
  const later: Call = () => Promise.resolve();
  spare(fs.promises, ["unlink", "rm"], later);
  // For what `--import` of the program's own has imported before.
  process.getBuiltinModule("node:module").syncBuiltinESMExports();
  const { Deno, Bun } = globalThis as {
    readonly Deno?: object;
    readonly Bun?: { file(path: string): object };
  };
  if (Deno !== undefined) {
    spare(Deno, ["removeSync"], () => undefined);
    spare(Deno, ["remove"], later);
  }
  if (Bun !== undefined) {
    const file = Object.getPrototypeOf(Bun.file("/")) as object;
    spare(file, ["delete", "unlink"], later);
  }
}
