/**
 * The user's own functions that a pool calls: hooks, and listeners of events.
 * Whatever they do, the pool goes on.
 *
 * @module
 */

import { messageOf } from "./errors.ts";
import { checkEventName } from "./event_names.ts";
import type { PoolEvent } from "./events.ts";
import type {
  ExitedWorker,
  PoolHooks,
  StartingWorker,
} from "./options/hooks.ts";

/** What an end was, by its reason; one that is not here was as it should be. */
const KINDS: Readonly<
  Record<string, Partial<Pick<ExitedWorker, keyof typeof NO_KIND>>>
> = {
  "boot-failed": { crashed: true },
  crashed: { crashed: true },
  "crashed-draining": { crashed: true },
  oom: { crashed: true, oom: true },
  deaf: { hung: true },
  hung: { hung: true, forced: true },
  recycled: { recycled: true },
  killed: { forced: true },
};

const NO_KIND = {
  crashed: false,
  hung: false,
  recycled: false,
  oom: false,
  forced: false,
} as const;

/** The reasons of those that have left as they were asked to. */
const LEFT: ReadonlySet<string> = new Set(["drained", "recycled"]);

/** Calls functions that may throw or reject. */
export class UserCode {
  readonly #warn: (message: string) => void;
  readonly #told = new Set<string>();

  /** `warn` is told of a failure, once for each kind of function. */
  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** Calls one; `kind` is what the warning calls it. */
  call<T>(kind: string, code: (value: T) => unknown, value: T): void {
    const fail = (error: unknown): void => {
      // Once: one that listens to warnings would hear of its own for ever.
      if (this.#told.has(kind)) return;
      this.#told.add(kind);
      this.#warn(
        `${kind} has failed, which is told once: ${messageOf(error)}`,
      );
    };
    try {
      Promise.resolve(code(value)).catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  /**
   * Makes a listener to one type of events out of the user's.
   *
   * @throws {TypeError} when there are no such events, or it is no function
   */
  listener(
    type: string,
    hear: (event: PoolEvent) => unknown,
  ): (event: PoolEvent) => void {
    checkEventName(type);
    if (typeof hear !== "function") {
      throw new TypeError(
        `Cannot listen to "${type}": the listener must be a function`,
      );
    }
    return (event) => {
      if (event.type !== type) return;
      this.call(`a listener of "${type}"`, hear, event);
    };
  }
}

/** The hooks of a pool. */
export class Hooks {
  readonly #hooks: PoolHooks;
  readonly #code: UserCode;

  /** Calls `hooks` by way of `code`. */
  constructor(hooks: PoolHooks, code: UserCode) {
    this.#hooks = hooks;
    this.#code = code;
  }

  /** A worker is about to be started. */
  beforeStart(worker: StartingWorker): void {
    this.#call("beforeStart", worker);
  }

  /** Calls the hooks that belong to an event. */
  follow(event: PoolEvent): void {
    if (event.type !== "worker-ready" && event.type !== "worker-exited") return;
    const { slot, generation, pid, ms } = event;
    // The start that shows where the program listens is no worker's.
    if (generation === 0) return;
    const worker = { slot, generation, pid, ms };
    if (event.type === "worker-ready") {
      this.#call("ready", worker);
      return;
    }
    const { code, signal, reason } = event;
    if (LEFT.has(reason)) this.#call("drained", worker);
    this.#call("exited", {
      ...worker,
      code,
      signal,
      reason,
      ...NO_KIND,
      ...KINDS[reason],
    });
  }

  #call<K extends keyof PoolHooks>(
    name: K,
    worker: Parameters<NonNullable<PoolHooks[K]>>[0],
  ): void {
    const hook = this.#hooks[name] as
      | ((worker: unknown) => unknown)
      | undefined;
    if (hook !== undefined) this.#code.call(`the hook "${name}"`, hook, worker);
  }
}
