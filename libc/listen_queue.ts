/**
 * How many connections wait to be accepted on a socket of TCP.
 *
 * @module
 */

import { fixed, type Libc, sizeOf } from "./libc.ts";

/**
 * TCP_INFO of tcp(7) at IPPROTO_TCP: of a socket that listens, `tcpi_state` is
 * TCP_LISTEN and `tcpi_unacked` the length of its queue (tcp_get_info() of the
 * kernel, net/ipv4/tcp.c).
 */
const TCP_INFO = {
  level: 6,
  name: 11,
  listens: 10,
  unackedAt: 24,
  bytes: 28,
} as const;

/** The queue of a socket of TCP. */
export interface ListenQueue {
  /** True for one that listens: others have none. */
  readonly listens: boolean;
  /** How many wait. */
  readonly queued: number;
}

/** Looks at it; undefined for a socket that is none of TCP. */
export function listenQueue(
  libc: Pick<Libc, "getsockopt">,
  fd: number,
): ListenQueue | undefined {
  const info = fixed(TCP_INFO.bytes);
  const { level, name, listens, unackedAt } = TCP_INFO;
  const status = libc.getsockopt(fd, level, name, info, sizeOf(info));
  if (status !== 0) return undefined;
  return {
    listens: info[0] === listens,
    queued: new DataView(info.buffer).getUint32(unackedAt, true),
  };
}
