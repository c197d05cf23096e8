/**
 * The limit of V8's heap that a worker is started with, where its user has given
 * none. Bun 1.4.4 has no such limit, and says of the variables that steer
 * JavaScriptCore that nobody should rely on them.
 *
 * @module
 */

import type { RuntimeName } from "../adapter.ts";
import type { WorkerRuntime } from "../options/options.ts";

/** The options by which V8 is told a limit, with dashes or underscores. */
const LIMIT = /--max[-_](?:old[-_]space|heap)[-_]size/;

/** Deno takes this once only; what it is given is in a list with commas. */
const V8_FLAGS = /^--v8-flags=?/;

const MIB = 2 ** 20;

/**
 * What a process of Node or Deno takes beside the heap that is limited, in bytes:
 * 57 to 60 MiB were seen with limits of 64 to 384 MiB (Node 26.10, Deno 2.9.5).
 */
const BESIDE = 64 * MIB;

/** The least limit, in MiB: with less a program cannot be loaded. */
const LEAST = 16;

/** The limit of the heap for a share of the memory, in MiB. */
export function heapOf(share: number): number {
  const bytes = Math.min(share * 0.75, share - BESIDE);
  return Math.max(LEAST, Math.floor(bytes / MIB));
}

/** The variables by which those take arguments that can be limited. */
const VARIABLES: Readonly<Partial<Record<WorkerRuntime, readonly string[]>>> = {
  node: ["NODE_OPTIONS"],
  deno: ["DENO_V8_FLAGS"],
  exec: ["NODE_OPTIONS", "DENO_V8_FLAGS"],
};

/**
 * V8's option for a worker with such a share; undefined where it has none, or
 * its environment has one already.
 */
export function heapLimit(
  runtime: WorkerRuntime,
  share: number | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const names = VARIABLES[runtime];
  const given = names?.some((name) => LIMIT.test(env[name] ?? "")) ?? true;
  if (given || share === undefined) return undefined;
  return `--max-old-space-size=${heapOf(share)}`;
}

/** The arguments for a runtime with the option, unless they have one. */
export function limitHeap(
  runtime: RuntimeName,
  limit: string | undefined,
  runtimeArgs: readonly string[],
): readonly string[] {
  if (limit === undefined || runtimeArgs.some((arg) => LIMIT.test(arg))) {
    return runtimeArgs;
  }
  if (runtime !== "deno") return [limit, ...runtimeArgs];
  const flags = runtimeArgs.find((arg) => V8_FLAGS.test(arg));
  const others = flags?.replace(V8_FLAGS, "") ?? "";
  return [
    `--v8-flags=${limit}${others && `,${others}`}`,
    ...runtimeArgs.filter((arg) => arg !== flags),
  ];
}

/** The variables with the option for what a command starts. */
export function heapVariables(
  limit: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const join = (name: string, between: string): string =>
    [limit, env[name]].filter(Boolean).join(between);
  return limit === undefined ? {} : {
    NODE_OPTIONS: join("NODE_OPTIONS", " "),
    DENO_V8_FLAGS: join("DENO_V8_FLAGS", ","),
  };
}
