/**
 * An accepted connection as a bare file descriptor.
 *
 * @module
 */

import type { Connection } from "../core/adapter.ts";
import type { Libc } from "./_libc.ts";

/** A connection that {@linkcode fdConnection} made. */
export interface FdConnection extends Connection {
  /** The file descriptor, or -1 once closed. */
  fd(): number;
}

/** Wraps an accepted file descriptor. */
export function fdConnection(libc: Libc, fd: number): FdConnection {
  let open = fd;
  return {
    fd: () => open,
    close: () => {
      // The number may belong to another connection after the first close.
      if (open >= 0) libc.close(open);
      open = -1;
    },
  };
}
