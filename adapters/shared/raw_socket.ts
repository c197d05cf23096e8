/**
 * The seam inside the adapters: bound sockets as each runtime makes them,
 * before addresses, permissions and error sentences, which all share.
 *
 * @module
 */

import type { Connection } from "../../core/adapter/connection.ts";

/** A bound socket that this process holds. */
export interface RawSocket {
  /** The file descriptor; children do not inherit it by accident. */
  readonly fd: number;
  /** The port of a socket of TCP or UDP, also when 0 was asked. */
  port(): number;
  /** Calls listen(2) without accepting. */
  listen(backlog: number): Promise<void>;
  /** Accepts until disposed. */
  accept(
    backlog: number,
    onConnection: (connection: Connection) => void,
  ): Disposable;
  /** See {@linkcode HeldSocket.rest}. */
  rest(): boolean;
  /** Closes it. Never throws. */
  close(): void;
}

/** What belongs to a socket of TCP or UDP besides its address. */
export interface TcpOptions {
  /** True to leave IPv4 out. */
  readonly ipv6Only: boolean;
  /** True to set SO_REUSEPORT. */
  readonly reusePort: boolean;
}

/** How a runtime makes sockets. Errors carry a `code` such as "EADDRINUSE". */
export interface RawSockets {
  /** Binds to a numeric host. */
  tcp(host: string, port: number, options: TcpOptions): Promise<RawSocket>;
  /** Binds to a path, or with a leading NUL to an abstract name. */
  unix(path: string): Promise<RawSocket>;
  /**
   * Binds a datagram socket, of which nothing is read; to the address of a
   * multicast group, which it joins then.
   */
  udp(host: string, port: number, options: TcpOptions): Promise<RawSocket>;
  /** Takes over one of a predecessor. */
  adoptUdp(fd: number): Promise<RawSocket>;
  /**
   * Takes over a file descriptor that this process inherited.
   *
   * @param blocks true where its O_NONBLOCK is not to change, if that can be:
   * others accept on it
   */
  adopt(fd: number, blocks?: boolean): Promise<RawSocket>;
}
