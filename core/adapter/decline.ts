/**
 * What an adapter can do about clients while no worker serves.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { ProxySettings } from "../options/listener_features.ts";

/** What clients are given. */
export interface DeclineRequest {
  /** The answer to a request of HTTP/1; empty to close each connection at once. */
  readonly reply: Uint8Array;
  /** How a load balancer says whose connection it is, if it does. */
  readonly proxy?: ProxySettings | undefined;
}

/** Clients are turned away until this is disposed. */
export interface Declining extends Disposable {
  /** How many have been. */
  readonly count: number;
  /**
   * Turns another client away, and closes its connection.
   *
   * @param head what was read of it, one character per byte
   */
  take(connection: Connection, head?: string): void;
}

/** A listening socket of TCP that can be closed for clients, and be bound still. */
export interface Refusing {
  /**
   * Closes it: the kernel refuses whoever connects, resets who waits in its
   * queue, and lets nobody else have the address. Nobody may wait for
   * connections on it meanwhile. A second time it changes nothing.
   */
  close(): void;
  /**
   * A worker may call listen(2) on it from now on. Until one does connections
   * are refused still, but nothing keeps others from the address.
   */
  release(): void;
  /** Opens it again, with an accept queue of that length. */
  listen(backlog: number): void;
}
