/**
 * What keeps the load even between workers, as the rest of a worker sees it;
 * `balance/` does it.
 *
 * @module
 */

/** What servers tell of their connections and ask before they take more. */
export interface Balancer {
  /** True when the supervisor passes connections on. */
  readonly passes: boolean;
  /** True where the kernel chooses among shards by what workers hold. */
  readonly steers: boolean;
  /**
   * Counts the open connections of one more server, until disposed.
   *
   * @param arrived where some come and go that nobody tells of: how many have come
   * that were seen since the last call
   */
  count(open: () => number, arrived?: () => number): Disposable;
  /** Says that connections can be passed on to this worker. */
  takes(): void;
  /**
   * True when other workers should have the next connection. Cheap: it can be
   * asked for each one.
   */
  isOver(): boolean;
  /** The most connections that it may hold, as of the last look at the others. */
  readonly limit: number;
  /** True when one of the others takes what is passed on. */
  othersTake(): boolean;
  /**
   * A server of this worker may hold no more connections, or may again. While
   * that is so the others neither compare themselves with this worker nor pass
   * anything on to it.
   */
  full(is: boolean): void;
  /** How many connections the others had taken by then. */
  readonly takenByOthers: number;
  /**
   * The event loop has turned after requests were begun: where servers do not
   * tell of connections, some may have come and gone.
   */
  turned(): void;
  /**
   * So many connections were accepted and may still be passed on. The others
   * see them as open ones: whoever has got as many need not pass its own on.
   */
  pending(count: number): void;
  /**
   * Connections were accepted, and kept; fewer than was said, if negative.
   *
   * @param told true where their end is told as well
   */
  accepted(count: number, told?: boolean): void;
  /** One of those has ended, and is counted no more. */
  ended(): void;
  /** A connection was passed on. */
  passedOn(): void;
  /**
   * A connection that has been sent along, with this number, is about to be served
   * here after all: the supervisor's copy is worth nothing from now on.
   */
  kept(id: number): void;
  /** A connection has come from another worker. */
  tookOver(): void;
  /** The worker accepts from now on. */
  serve(): void;
  /** The worker drains: the others count it no more. */
  leave(): void;
  /** Another process has taken the seat: nothing is written any more. */
  resign(): void;
  /** What ends connections where there are too many, if the pool wants that. */
  readonly rebalance?: Rebalance | undefined;
}

/** Says which connections are to end, so that their clients go to others. */
export interface Rebalance {
  /**
   * How many may end now: to be looked at before anything else, for each answer.
   * Not above 0 while none may.
   */
  readonly due: number;
  /** True where WebSockets may end as well. */
  readonly webSockets: boolean;
  /**
   * Takes one of those, for a connection that has been open since then, on the
   * clock of `performance.now()`; false where it is too young or none may end.
   */
  take(since: number): boolean;
  /** One that was taken is gone. */
  over(): void;
  /**
   * Calls back after each look at the pool, with its time: for who is not told of
   * connections, and for those that do not wait for an answer.
   */
  watch(act: (at: number) => void): Disposable;
}

/** A connection of which nothing was read. */
export interface Unread {
  /** The listener that it came to. */
  readonly listener: string;
  /** What `process.send()` takes. */
  readonly handle: object;
  /** Closes this process' copy, without shutdown(2). */
  close(): void;
  /** Serves it here. */
  serve(): void;
  /** True while it could only wait here. */
  isFull?(): boolean;
}

/** The connections that are being passed on. */
export interface Passing {
  /** Passes a connection on, or serves it here when nobody takes it. */
  pass(connection: Unread): void;
  /** Another worker waits for a connection. */
  room(id: number): void;
  /** Serves here whatever is not another worker's already. */
  takeBack(): void;
}
