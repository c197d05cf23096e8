/**
 * An accepted connection as a bare file descriptor.
 *
 * @module
 */

import type { Connection } from "../../core/adapter/connection.ts";
import { peekFd } from "./head_reader.ts";
import { fixed, type Libc } from "../../libc/libc.ts";
import { hostOf } from "../../libc/sockaddr.ts";

/** A connection that {@linkcode fdConnection} made. */
export interface FdConnection extends Connection {
  /** The file descriptor, or -1 once closed. */
  fd(): number;
}

/** The file descriptor of a connection that {@linkcode fdConnection} made. */
export function fdOf(connection: Connection): number {
  return (connection as FdConnection).fd();
}

/** Wraps an accepted file descriptor. */
export function fdConnection(libc: Libc, fd: number): FdConnection {
  let open = fd;
  return {
    fd: () => open,
    get peer() {
      const address = fixed(128);
      const length = fixed(4);
      new DataView(length.buffer).setUint32(0, address.length, true);
      // It fails where the client is gone, who then needs no worker of its own.
      return libc.getpeername(open, address, length) < 0
        ? undefined
        : hostOf(address);
    },
    peeks: true,
    read: (limit, reader) => peekFd(libc, () => open, limit, reader),
    close: () => {
      // The number may belong to another connection after the first close.
      if (open >= 0) libc.close(open);
      open = -1;
    },
  };
}
