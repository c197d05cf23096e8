/**
 * Which inherited listener a server is for.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";

/**
 * Finds the listener with a name, or the only one there is.
 *
 * @throws {TypeError} when there is none or more than one; it names them
 */
export function chooseListener(
  listeners: ReadonlyMap<string, InheritedListener>,
  name: string | undefined,
): InheritedListener {
  const names = [...listeners.keys()].map((each) => `"${each}"`).join(", ");
  if (name !== undefined) {
    const named = listeners.get(name);
    if (named !== undefined) return named;
    throw new TypeError(
      `Cannot listen on "${name}": the pool has no listener of that name, it has ${
        names || "none"
      }`,
    );
  }
  const [only, ...others] = listeners.values();
  if (only === undefined) {
    throw new TypeError(
      `Cannot listen: the pool has no listener, give it an address to listen on`,
    );
  }
  if (others.length > 0) {
    throw new TypeError(
      `Cannot listen: the pool has the listeners ${names}, choose one as in { name: ${
        JSON.stringify(only.name)
      } }`,
    );
  }
  return only;
}
