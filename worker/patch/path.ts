/**
 * What a program does with the path of its socket. By hand it has to remove that
 * before it listens and when it ends; here others accept on it, so it stays.
 * Whatever removes it in another way has the supervisor put it back, a moment
 * later. And it may change the mode as soon as listen() has returned, by when
 * the supervisor has yet to open a path that the pool does not hold.
 *
 * @module
 */

import process from "node:process";
import { isOwnPath, putBack, setModeLater } from "../process/own_paths.ts";

type Call = (this: unknown, ...args: unknown[]) => unknown;

/** Replaces what removes a file or changes its mode. */
export function patchPaths(): void {
  // Not by an import, which would come before the change.
  const fs = process.getBuiltinModule("node:fs");
  const callback: Call = (...args) => {
    const last = args.at(-1);
    if (typeof last === "function") process.nextTick(last, null);
  };
  const later: Call = () => Promise.resolve();
  spare(fs, ["unlinkSync", "rmSync"], isOwn, () => undefined);
  spare(fs, ["unlink", "rm"], isOwn, callback);
  spare(fs.promises, ["unlink", "rm"], isOwn, later);
  spare(fs, ["chmodSync"], isAsked, () => undefined);
  spare(fs, ["chmod"], isAsked, callback);
  spare(fs.promises, ["chmod"], isAsked, later);
  // For what an `--import` of the program's own has imported before.
  process.getBuiltinModule("node:module").syncBuiltinESMExports();
  const { Deno, Bun } = globalThis as {
    readonly Deno?: object;
    readonly Bun?: { file(path: string): object };
  };
  if (Deno !== undefined) {
    spare(Deno, ["removeSync"], isOwn, () => undefined);
    spare(Deno, ["remove"], isOwn, later);
    spare(Deno, ["chmodSync"], isAsked, () => undefined);
    spare(Deno, ["chmod"], isAsked, later);
  }
  if (Bun !== undefined) {
    const file = Object.getPrototypeOf(Bun.file("/")) as object;
    const isOwnFile: Predicate = (_, file) =>
      isOwnPath((file as { readonly name?: unknown } | undefined)?.name);
    spare(file, ["delete", "unlink"], isOwnFile, later);
  }
}

type Predicate = (args: readonly unknown[], self: unknown) => boolean;

const isOwn: Predicate = ([path]) => isOwnPath(path);
const isAsked: Predicate = ([path, mode]) => {
  if (setModeLater(path, mode)) return true;
  putBack(path);
  return false;
};

/** Has functions of an object do something else where a predicate holds. */
function spare(
  object: object,
  names: readonly string[],
  holds: Predicate,
  instead: Call,
): void {
  const members = object as Record<string, unknown>;
  for (const name of names) {
    const original = members[name];
    if (typeof original !== "function") continue;
    const replaced: Call = function (...args) {
      const call = holds(args, this) ? instead : original as Call;
      return call.apply(this, args);
    };
    Object.defineProperty(replaced, "name", { value: name });
    members[name] = replaced;
  }
}
