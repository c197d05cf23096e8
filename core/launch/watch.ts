/**
 * Programs that start another one anew whenever a file changes. Under each of them
 * a worker breaks: `node --watch` and `tsx watch` keep the pool's sockets and its
 * channel for themselves, `bun --watch` closes them when it starts the program
 * again, `deno run --watch` and `bun --hot` run it a second time in a process that
 * has lost the listener or has it already (Node 26.10, Deno 2.9.5, Bun 1.4.4),
 * nodemon does not end on SIGTERM.
 *
 * @module
 */

import { PreforkError } from "../errors.ts";
import type { PoolConfig, WorkerRuntime } from "../options/options.ts";

/** Options that have a runtime watch files. */
const OPTION = /^--(?:watch(?:-path|-hmr)?|hot)(?:=|$)/;

/** Commands that do nothing else. */
const WATCHERS = /^(?:nodemon|node-dev|ts-node-dev|tsnd)$/;

/** Commands that do it when they are told to. */
const RUNNERS = /^(?:node|nodejs|bun|deno|tsx)$/;

/**
 * Refuses a watcher as a worker.
 *
 * @throws {PreforkError} `ERR_BOOT` with what does the same for a pool
 */
export function refuseWatcher(
  { runtime, program, args, runtimeArgs = [] }:
    & { readonly runtime: WorkerRuntime }
    & Pick<PoolConfig, "program" | "args">
    & Partial<Pick<PoolConfig, "runtimeArgs">>,
): void {
  const words = runtime === "exec"
    ? [program, ...args]
    : [runtime, ...runtimeArgs, program];
  const end = watches(words);
  if (end === undefined) return;
  const file = words.slice(end).find((word) => /\.[cm]?[jt]sx?$/.test(word));
  throw new PreforkError(
    "ERR_BOOT",
    `Cannot start "${
      words.join(" ")
    }": it starts the program anew by itself and keeps the pool's sockets from it, write "prefork --watch ${
      file ?? "FILE"
    }", which reloads the pool when a file changes`,
  );
}

/** Where the words end by which a command watches; undefined for others. */
function watches(words: readonly string[]): number | undefined {
  const names = words.map((word) => word.slice(word.lastIndexOf("/") + 1));
  for (const [i, name] of names.entries()) {
    if (WATCHERS.test(name)) return i + 1;
    if (!RUNNERS.test(name)) continue;
    if (name === "tsx" && names[i + 1] === "watch") return i + 2;
    // What follows the program is the program's own.
    for (let at = i + 1; at < words.length; at++) {
      const word = words[at]!;
      if (OPTION.test(word)) return at + 1;
      const isOption = word.startsWith("-") || /^(?:run|serve)$/.test(word);
      if (!isOption) return undefined;
    }
    return undefined;
  }
  return undefined;
}
