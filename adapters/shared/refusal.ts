/**
 * Takes a listening socket out of listening, and keeps its address. It is the
 * open file description that listens, which all workers share, so whoever of
 * them calls listen(2) opens it for all.
 *
 * @module
 */

import type { HeldSocket } from "../../core/adapter.ts";
import type { Refusing } from "../../core/adapter/decline.ts";
import {
  checked,
  fixed,
  type Libc,
  optionOf,
  SHUT,
  sizeOf,
  SO,
} from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";

/** The longest address: sockaddr_in6 of ipv6(7). */
const MAX_ADDRESS = 28;

/**
 * Makes a held socket one that can be closed for clients; undefined where libc
 * cannot be called, and for Unix sockets, which listen no more after that.
 */
export function refuseHeld(
  { fd, address }: HeldSocket,
): Refusing | undefined {
  const libc = libcHere();
  if (libc === undefined || address.kind !== "tcp") return undefined;
  const reuse = optionOf(libc, fd, SO.reuseAddr) ?? 0;
  const setReuse = (on: number): void => {
    const value = fixed(4);
    value[0] = on;
    libc.setsockopt(fd, SO.socket, SO.reuseAddr, value, value.length);
  };
  return {
    close() {
      if (optionOf(libc, fd, SO.acceptConn) === 1) shut(libc, fd);
      // It shares the address with nobody who would share it.
      setReuse(0);
    },
    // Its own old connections have the address, too: listen(2) would be refused.
    release: () => setReuse(reuse),
    listen(backlog) {
      setReuse(reuse);
      checked(libc, libc.listen(fd, backlog), "listen");
    },
  };
}

/** The kernel lets a port go that it has chosen itself: it is bound again. */
function shut(libc: Libc, fd: number): void {
  const address = fixed(MAX_ADDRESS);
  const length = sizeOf(address);
  libc.getsockname(fd, address, length);
  // Linux stops a socket of TCP from listening by it.
  libc.shutdown(fd, SHUT.reading);
  // EINVAL where it has stayed bound.
  libc.bind(fd, address, length[0]!);
}
