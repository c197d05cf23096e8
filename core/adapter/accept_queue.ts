/**
 * What the kernel knows of a listening socket that workers accept on.
 *
 * @module
 */

/** What waits in the receive buffer of a socket of datagrams. */
export interface ReceiveBuffer {
  /** How many bytes, as the kernel counts them: with what it needs for each. */
  readonly bytes: number;
  /** How many there can be (SO_RCVBUF). */
  readonly limit: number;
  /** How many datagrams found no room, since the socket was bound. */
  readonly drops: number;
}

/** Who is on the way to be accepted. */
export interface Pending {
  /** Connections that wait in a queue. */
  readonly queued: number;
  /**
   * Where nobody waits: connections of TCP that come into a queue when their
   * handshakes are done.
   */
  readonly handshakes: number;
}

/** Looks at sockets that this process has bound and its workers share. */
export interface AcceptQueues {
  /**
   * How many connections wait to be accepted on a listening socket of this
   * process; undefined where that cannot be known, or it does not listen.
   */
  queued(fd: number): number | undefined;
  /**
   * True when that costs next to nothing, as the kernel is asked for a socket of
   * TCP alone.
   */
  asksQuickly(): boolean;
  /**
   * What waits in the buffer of a socket of datagrams; undefined for any other
   * one, and where that cannot be known.
   */
  buffered(fd: number): ReceiveBuffer | undefined;
  /**
   * Who is on the way to be accepted on listening sockets of this process, as of
   * this moment; undefined where that cannot be known.
   */
  pending(fds: readonly number[]): Pending | undefined;
  /**
   * How many connections that were accepted on it a process holds; undefined
   * where that cannot be known.
   */
  accepted(fd: number, pid: number): number | undefined;
  /**
   * How many connections have found a queue full (`overflows`), or were dropped
   * for that or another reason (`drops`), of all sockets of this network
   * namespace; undefined where that cannot be known.
   */
  dropped(): { readonly overflows: number; readonly drops: number } | undefined;
}
