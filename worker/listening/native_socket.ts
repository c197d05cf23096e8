/**
 * What a native server is to be put on, and where it stands before that.
 *
 * @module
 */

import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { cannot, noSocket } from "../process/errors.ts";
import { nativeRefusal } from "../filters/listener_filter.ts";
import { transportOf } from "../graft/graft.ts";

/**
 * The inherited socket of a shard, which a native server can have.
 *
 * @param who the server in the error
 * @throws {PreforkError} `ERR_ATTACH` when there is none, or something has to
 * see its connections first
 */
export function socketFor(
  listener: InheritedListener,
  shard: number,
  who: string,
): number {
  const { name } = listener;
  const socket = listener.fds[shard];
  if (socket === undefined) throw noSocket(listener, shard);
  const refusal = nativeRefusal(listener);
  if (refusal !== undefined) {
    throw cannot(
      `put ${who} on the listener "${name}"`,
      refusal.reason,
      `use ${refusal.instead}`,
    );
  }
  return socket;
}

/**
 * The path for a server that is to be put on a Unix socket; undefined when a
 * port does. An abstract name leaves no file behind and nobody can guess it
 * (unix(7)).
 */
export function temporaryPath(socket: number): string | undefined {
  if (transportOf(socket) !== "unix") return undefined;
  const { randomUUID } = process.getBuiltinModule("node:crypto");
  return `\0prefork-${randomUUID()}`;
}
