/**
 * Undocumented members of Node that the adapter uses where they are. Each was
 * seen in 22.12.0 and in 26.10.0; `accepted.ts` here and
 * `sockets.ts` and `channel.ts` of `adapters/node/` check for them.
 *
 * @module
 */

/** A handle of libuv, as `net._createServerHandle` makes it. */
export interface NodeHandle {
  /** The file descriptor. */
  readonly fd: number;
  /** Fills in the address; returns 0 or a negative error number. */
  getsockname?(out: { port?: number }): number;
  /** Closes it. */
  close(): void;
}

/** A connection as libuv accepted it. */
export interface AcceptedHandle {
  /** The file descriptor, on Node. */
  readonly fd?: number;
  /** Fills in the client's address; returns 0 or a negative error number. */
  getpeername?(out: { address?: string }): number;
  /** Begins to read; UDP sockets do not have it. */
  readStart?(): number;
  /** Closes this process' copy, without shutdown(2). */
  close(): void;
}

/** The handle of a server that listens. */
export interface ListeningHandle {
  /**
   * Called with each accepted connection. Deno 2.9.5 calls it without, and it
   * is the callee that accepts.
   */
  onconnection?: (status: number, handle?: AcceptedHandle) => void;
  /** On Deno 2.9.5 alone: accepts into a new handle; 0 or an error number. */
  accept?(into: AcceptedHandle): number;
}

/** A server that listens; seen in 22.12.0 and in 26.10.0, and in Deno 2.9.5. */
export interface ListeningServer {
  /** Its handle. */
  readonly _handle?: ListeningHandle | null;
}

/** `net._createServerHandle`: binds, does not listen. */
export type CreateServerHandle = (
  address: string,
  port: number,
  family: 4 | 6 | -1,
  fd: number | undefined,
  flags?: number,
) => NodeHandle | number;

/** The pipe behind a child process' IPC channel. */
export interface NodeChannelPipe {
  /** Called with what was read, or with nothing at the end. */
  onread: (this: unknown, bytes: ArrayBuffer | undefined) => void;
  /** Stops reading, so that another reader can start. */
  readStop(): void;
  /** A handle that came with what was read. */
  pendingHandle?: AcceptedHandle | null;
}

/** A child process whose connections wait for confirmation. */
export interface NodeChildInternals {
  /** What waits behind a connection that is not confirmed yet. */
  readonly _handleQueue?: unknown;
}
