/**
 * Inherited sockets that outlive what accepts on them: the runtimes close the
 * descriptor of what stops listening, and the program may listen there again.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { duplicate } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";

/** True where {@linkcode keepSockets} is possible. */
export function canKeep(): boolean {
  return libcHere() !== undefined;
}

/**
 * Keeps sockets of a listener under new numbers, before the old ones are closed.
 * False where libc cannot be called: then they are gone with the server.
 *
 * @param shards the numbers of those on which something accepts
 */
export function keepSockets(
  { fds }: InheritedListener,
  shards: Iterable<number>,
): boolean {
  const wanted = [...shards].filter((shard) => fds[shard] !== undefined);
  if (wanted.length === 0) return true;
  const libc = libcHere();
  if (libc === undefined) return false;
  const numbers = fds as number[];
  for (const shard of wanted) {
    numbers[shard] = duplicate(libc, numbers[shard]!);
  }
  return true;
}
