/**
 * Ends the connections of a native server of which half a head has come, once
 * the time for it has passed.
 *
 * @module
 */

import { REQUEST_TIMEOUT } from "../drain/head_patience.ts";
import type { ConnectionsView, OpenConnection } from "./connections.ts";

/** When the heads of requests must have come, and how their clients are told. */
export interface HeadsBy {
  /** On the clock of `performance.now()`. */
  headsBy(): number;
  /** True where the connections are encrypted, so that nothing can be said. */
  readonly encrypted: boolean;
}

/** Watches connections that ask and are not being answered. */
export interface HeadWatch {
  /** One asks. False once it was ended, so that nobody has to wait for it. */
  asks(connection: OpenConnection, now: number): boolean;
  /** One does not, or is being answered. */
  forget(connection: OpenConnection): void;
  /** The same of all of them. */
  forgetAll(): void;
}

/**
 * Watches the connections of one server.
 *
 * @param idle how long one must have asked, in ms: what the kernel has received
 * the server may not have read yet
 */
export function watchHeads(
  view: ConnectionsView,
  idle: number,
  { headsBy, encrypted }: HeadsBy,
): HeadWatch {
  const since = new Map<string, number>();
  const ended = new Set<string>();
  const nameOf = ({ peer, fd }: OpenConnection): string => peer ?? String(fd);
  return {
    asks(connection, now) {
      const name = nameOf(connection);
      if (ended.has(name)) return false;
      const began = since.get(name) ?? now;
      since.set(name, began);
      if (now < headsBy() || now - began < idle) return true;
      ended.add(name);
      view.hangUp(connection, encrypted ? undefined : REQUEST_TIMEOUT);
      return false;
    },
    forget: (connection) => void since.delete(nameOf(connection)),
    forgetAll: () => since.clear(),
  };
}
