/**
 * A connection that the supervisor has accepted: a part of the seam in
 * `core/adapter.ts`.
 *
 * @module
 */

/** Gets to see the first bytes of a connection. */
export interface HeadReader {
  /** Some have come; the buffer is used again afterwards. */
  bytes(bytes: Uint8Array): void;
  /** No more will come: the client has ended its half, or all is broken. */
  end(broken: boolean): void;
}

/** An accepted connection that waits to be handed to a worker. */
export interface Connection {
  /** The client's address without its port; undefined on a Unix socket. */
  readonly peer: string | undefined;
  /**
   * True when {@linkcode Connection.read} only looks: the worker reads the same
   * again. Where it does not, what was read must be sent with the connection.
   */
  readonly peeks: boolean;
  /**
   * Reads what the client sends, but never more than `limit` bytes, until
   * disposed. The reader is not called before this returns.
   */
  read(limit: number, reader: HeadReader): Disposable;
  /** Closes this process' copy; the worker's copy lives on. */
  close(): void;
}
