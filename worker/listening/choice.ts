/**
 * Which inherited listener a server is for.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { isDatagram } from "../../core/options/dgram.ts";

/**
 * Finds the listener with a name, or the only one there is.
 *
 * @param datagrams true for one of UDP
 * @throws {TypeError} when there is none or more than one; it names them
 */
export function chooseListener(
  all: ReadonlyMap<string, InheritedListener>,
  name: string | undefined,
  datagrams = false,
): InheritedListener {
  // One for connections is none for datagrams.
  const listeners = new Map(
    [...all].filter(([, each]) => isDatagram(each) === datagrams),
  );
  const names = [...listeners.keys()].map((each) => `"${each}"`).join(", ");
  if (name !== undefined) {
    const named = listeners.get(name);
    if (named !== undefined) return named;
    throw new TypeError(
      `Cannot listen on "${name}": the pool has no listener ${
        datagrams ? "of datagrams " : ""
      }of that name, it has ${names || "none"}`,
    );
  }
  const [only, ...others] = listeners.values();
  if (only === undefined) {
    throw new TypeError(
      datagrams
        ? `Cannot receive datagrams: the pool has no listener for them, give it an address as in "udp://:5353"`
        : `Cannot listen: the pool has no listener, give it an address to listen on`,
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
