/**
 * Keeps the paths of Unix sockets: a program may remove its socket's path, as it
 * has to without a pool.
 *
 * @module
 */

import type { PoolContext } from "../context.ts";
import type { Listener } from "./listeners.ts";

/** How often paths are looked at when nothing happens, in ms. */
export const LOOK_MS = 2000;

/** Puts the paths of listeners back, and tells so. True when there are any. */
export function mendPaths(
  listeners: readonly Listener[],
  emit: PoolContext["emit"],
): boolean {
  const withPath = listeners.flatMap(({ sockets }) => sockets)
    .filter(({ mend }) => mend !== undefined);
  for (const socket of withPath) {
    const message = socket.mend?.();
    if (message !== undefined) emit({ type: "warning", message });
  }
  return withPath.length > 0;
}

/** Looks after the paths of a pool. */
export class PathWatch implements Disposable {
  readonly #context: Pick<PoolContext, "adapter" | "listeners" | "emit">;
  readonly #onDemand: { readonly listeners: readonly Listener[] };
  #timer: Disposable | undefined;

  /** Looks at none before it is asked to. */
  constructor(
    context: Pick<PoolContext, "adapter" | "listeners" | "emit">,
    onDemand: { readonly listeners: readonly Listener[] },
  ) {
    this.#context = context;
    this.#onDemand = onDemand;
  }

  /** Looks now, and again after a while as long as there is a path. */
  look(): void {
    const { adapter: { clock }, listeners, emit } = this.#context;
    const all = [...listeners, ...this.#onDemand.listeners];
    this[Symbol.dispose]();
    if (!mendPaths(all, emit)) return;
    this.#timer = clock.after(LOOK_MS, () => this.look());
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
