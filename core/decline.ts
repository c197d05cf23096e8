/**
 * What an adapter can do about clients while no worker serves.
 *
 * @module
 */

/** Clients are turned away until this is disposed. */
export interface Declining extends Disposable {
  /** How many have been. */
  readonly count: number;
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
