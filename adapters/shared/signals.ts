/**
 * Signals to this process, and none of them to its workers: all three runtimes
 * have `process.on` and the option `detached`.
 *
 * @module
 */

import process from "node:process";
import type { Signal } from "../../core/adapter.ts";

/** Traps a signal; disposing gives it back its default action. */
export function onSignal(signal: Signal, listener: () => void): Disposable {
  // A wrapper of its own, so that the same listener can be added twice.
  const trap = (): void => listener();
  process.on(signal, trap);
  return { [Symbol.dispose]: () => void process.off(signal, trap) };
}

/**
 * Has signals do nothing from now on, for as long as this process is there:
 * one that comes while it writes its last lines would be what it ended by, and
 * its exit code lost.
 */
export function outlive(signals: Iterable<Signal>): void {
  for (const signal of signals) {
    if (process.listeners(signal).includes(doNothing)) continue;
    process.on(signal, doNothing);
  }
}

function doNothing(): void {}

/**
 * How a worker is started so that a signal to the supervisor's process group,
 * as terminals, timeout(1) and service managers send it, is the supervisor's
 * alone: setsid(2) before exec(2), so that not even a worker that boots can be
 * hit. To have it start with them ignored would not do: Node 26.10 takes that
 * back, Bun and Deno hand it on to what the program starts.
 */
export const OWN_SESSION = { detached: true } as const;
