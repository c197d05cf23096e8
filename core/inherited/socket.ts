/**
 * A socket that this process was started with: what can be seen of it, and
 * whether a pool can listen on it.
 *
 * @module
 */

import { type Address, formatAddress } from "../options/address.ts";

/** What the system says of a socket. */
export interface SocketFacts {
  /** Where it is bound; undefined where that is no address of a listener. */
  readonly address?: Address;
  /** "stream", "datagram", or the number that stands for another one. */
  readonly type: string;
  /** "IPv4", "IPv6", "Unix", or the number that stands for another one. */
  readonly family: string;
  /** True where listen(2) was called. */
  readonly listens: boolean;
  /** True without O_NONBLOCK. */
  readonly blocks: boolean;
}

/** What the core asks of the system about this process and its sockets. */
export interface OwnSockets {
  /** The process that has started this one. */
  readonly parentPid: number;
  /**
   * The inode of this process' pidfd (pidfd_open(2)); undefined where it has
   * none of its own, and where that cannot be known.
   */
  pidfdId(): string | undefined;
  /**
   * What a process is called that this one descends from, as in
   * `process 12 ("npm exec prefork")`; undefined for any other.
   */
  ancestor(pid: number): string | undefined;
  /**
   * What a descriptor of this process is; where it is no socket, what it is, as
   * the rest of a sentence that begins with its number.
   */
  socketOf(fd: number): SocketFacts | string;
  /**
   * The processes that have a socket of this one too, but for the parent and
   * process 1, as far as that can be seen: as in `process 12 ("nginx")`.
   */
  neighboursOf(fd: number): readonly string[];
  /**
   * Connects to a Unix socket by its path, says something and hangs up.
   *
   * @returns why that cannot be, as the rest of a sentence that begins with
   * "because"
   */
  say(path: string, text: string): Promise<string | undefined>;
}

/**
 * Why a pool cannot listen on a socket, as the rest of a sentence that begins
 * with its number; undefined where it can.
 */
export function socketProblem(facts: SocketFacts | string): string | undefined {
  if (typeof facts === "string") return facts;
  const { address, family, type, listens } = facts;
  if (address?.kind === "udp") return undefined;
  const isKnown = ["IPv4", "IPv6", "Unix"].includes(family);
  const where = address === undefined ? "" : ` at ${formatAddress(address)}`;
  if (!isKnown || type !== "stream") {
    return `is a ${type} socket of ${family}${where}, let its parent pass on one of TCP or UDP, or a stream socket of Unix`;
  }
  if (!listens) {
    return `is a stream socket${where} that does not listen, let its parent call listen(2) before passing it on`;
  }
  return address === undefined
    ? "is a socket without an address, let its parent bind(2) it"
    : undefined;
}
