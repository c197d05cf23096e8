/**
 * The way past the preloaded part for prefork's own calls: a `listen()` that
 * puts a server on an inherited socket must not be taken for the program's.
 *
 * @module
 */

// Shared by all copies of the package in this process, as the core is.
const KEY = Symbol.for("prefork.bypass.1");

type Holder = { [KEY]?: number };

/** Runs something whose synchronous part calls the runtime's own functions. */
export function bypass<T>(run: () => T): T {
  const holder = globalThis as Holder;
  holder[KEY] = (holder[KEY] ?? 0) + 1;
  try {
    return run();
  } finally {
    holder[KEY]--;
  }
}

/** True inside {@linkcode bypass}. */
export function isBypassed(): boolean {
  return ((globalThis as Holder)[KEY] ?? 0) > 0;
}
