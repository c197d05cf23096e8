/**
 * Signals to this process: all three runtimes have `process.on` for them.
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
