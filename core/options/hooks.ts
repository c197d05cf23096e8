/**
 * What a user may have called at turns in a worker's life.
 *
 * @module
 */

import { record, show } from "./values.ts";

/** The worker that a hook is about, before it has a process. */
export interface StartingWorker {
  /** The stable number of its place, from 0. */
  readonly slot: number;
  /** The generation it belongs to, from 1. */
  readonly generation: number;
}

/** The worker that a hook is about. */
export interface HookedWorker extends StartingWorker {
  /** The process id. */
  readonly pid: number;
  /** How long ago it was started, in milliseconds. */
  readonly ms: number;
}

/**
 * How a worker has ended. With every boolean false it left as asked, or because
 * its program was done.
 */
export interface ExitedWorker extends HookedWorker {
  /** Its exit code, unless a signal has ended it. */
  readonly code: number | null;
  /** The signal that has ended it. */
  readonly signal: string | null;
  /** The reason in one word, the one of the event `worker-exited`. */
  readonly reason: string;
  /** True when it ended badly by itself, before it was ready too. */
  readonly crashed: boolean;
  /**
   * True when it did not answer any longer and was killed for it, or did not
   * accept and was replaced.
   */
  readonly hung: boolean;
  /** True when it had served its time, its requests or its memory. */
  readonly recycled: boolean;
  /** True when it ran out of memory; it is `crashed` too. */
  readonly oom: boolean;
  /** True when the pool has killed it: it was not done, or was not waited for. */
  readonly forced: boolean;
}

/**
 * Functions that the pool calls, in the supervisor. Nothing waits for what they
 * return, and one that throws or rejects hurts nobody: a `warning` event names
 * it, once for each hook. A hook may call every method of the pool.
 */
export interface PoolHooks {
  /** A worker is about to be started; it is when this has returned. */
  readonly beforeStart?: StartHook;
  /** A worker accepts. */
  readonly ready?: (worker: HookedWorker) => unknown;
  /** A worker was asked to leave, has finished what it had, and has left. */
  readonly drained?: (worker: HookedWorker) => unknown;
  /** A worker's process has ended, however; `drained` comes before it. */
  readonly exited?: (worker: ExitedWorker) => unknown;
}

/** Called before a worker is started. */
export type StartHook = (worker: StartingWorker) => unknown;

/** The names of the hooks. */
const HOOK_NAMES: readonly (keyof PoolHooks)[] = [
  "beforeStart",
  "ready",
  "drained",
  "exited",
];

/**
 * Checks them.
 *
 * @throws {TypeError} when they are no functions, or one has another name
 */
export function checkHooks(given: PoolHooks): PoolHooks {
  const hooks = record("hooks", given, "an object of functions");
  // An object of a class has what it works with, too.
  const isPlain = [Object.prototype, null].includes(
    Object.getPrototypeOf(hooks),
  );
  const unknown = Object.keys(hooks).find((name) =>
    isPlain && !(HOOK_NAMES as readonly string[]).includes(name)
  );
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot create a pool: there is no hook "${unknown}", valid are ${
        HOOK_NAMES.join(", ")
      }`,
    );
  }
  // By their names: the hooks may be methods of a class.
  return Object.fromEntries(HOOK_NAMES.flatMap((name) => {
    const hook: unknown = hooks[name];
    if (hook === undefined) return [];
    if (typeof hook === "function") return [[name, hook.bind(hooks)]];
    throw new TypeError(
      `Cannot use ${show(hook)} for "hooks.${name}": it must be a function`,
    );
  }));
}
