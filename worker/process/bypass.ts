/**
 * The way past the preloaded part for prefork's own calls: a `listen()` that
 * puts a server on an inherited socket must not be taken for the program's.
 *
 * @module
 */

// Shared by all copies of the package in this process, as the core is.
const BYPASS = Symbol.for("prefork.bypass.1");

type Holder = { [BYPASS]?: number };

/** Runs something whose synchronous part calls the runtime's own functions. */
export function bypass<T>(run: () => T): T {
  const holder = globalThis as Holder;
  holder[BYPASS] = (holder[BYPASS] ?? 0) + 1;
  try {
    return run();
  } finally {
    holder[BYPASS]--;
  }
}

/** True inside {@linkcode bypass}. */
export function isBypassed(): boolean {
  return ((globalThis as Holder)[BYPASS] ?? 0) > 0;
}
