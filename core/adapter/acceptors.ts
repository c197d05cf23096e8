/**
 * What can be seen of a program that says nothing: whether it waits for
 * connections on the sockets that it has inherited.
 *
 * @module
 */

/** What the processes of a session do about a listening socket. */
export type Accepting =
  /** One of them waits for connections on it. */
  | "waits"
  /** One of them has it, or may have it. */
  | "has"
  /** None of them has it. */
  | "closed";

/** What was seen of a session. */
export interface AcceptorsLook {
  /** Of each socket, in the order in which they were asked for. */
  readonly sockets: readonly Accepting[];
  /** Where they listen besides. */
  readonly elsewhere: readonly string[];
}

/** Looks at the processes that workers have started. */
export interface Acceptors {
  /**
   * Looks at a session (setsid(2)); undefined where the system does not show it,
   * or it is gone.
   *
   * @param sockets listening sockets of this process
   * @param session its first process
   */
  acceptors(
    sockets: readonly number[],
    session: number,
  ): AcceptorsLook | undefined;
}
