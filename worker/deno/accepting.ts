/**
 * One `accept()` in front of several listeners, since a worker can accept on
 * another one's shard as well.
 *
 * @module
 */

/** What connections are accepted from. */
export interface Acceptor<C> {
  /** Resolves with the next connection; rejects once it is closed. */
  accept(): Promise<C>;
}

/** Several acceptors as one. */
export interface Accepting<C> {
  /**
   * Resolves with the next connection of any of them. Calls wait in a row;
   * once all acceptors are closed they reject with what the last one said.
   */
  accept(): Promise<C>;
  /** Accepts from one more. */
  add(acceptor: Acceptor<C>): void;
}

interface Waiter<C> {
  resolve(connection: C): void;
  reject(error: unknown): void;
}

/**
 * Makes one of several.
 *
 * @param isOpen false once the acceptors were closed on purpose
 */
export function acceptFromAll<C>(isOpen: () => boolean): Accepting<C> {
  const idle = new Set<Acceptor<C>>();
  const waiters: Waiter<C>[] = [];
  // Accepted for a waiter that another acceptor has served meanwhile.
  const spare: C[] = [];
  let busy = 0;
  let lastError: unknown;

  const settle = (): void => {
    while (spare.length > 0 && waiters.length > 0) {
      waiters.shift()!.resolve(spare.shift()!);
    }
    if (isOpen()) {
      if (waiters.length > 0) { for (const each of [...idle]) start(each); }
    } else if (busy === 0) {
      // What was accepted is delivered before they hear of the end.
      for (const waiter of waiters.splice(0)) waiter.reject(lastError);
    }
  };
  const start = (acceptor: Acceptor<C>): void => {
    idle.delete(acceptor);
    busy++;
    acceptor.accept().then(
      (connection) => {
        busy--;
        idle.add(acceptor);
        spare.push(connection);
        settle();
      },
      (error: unknown) => {
        busy--;
        lastError = error;
        if (isOpen()) {
          idle.add(acceptor);
          waiters.shift()?.reject(error);
        }
        settle();
      },
    );
  };
  return {
    accept: () =>
      new Promise((resolve, reject) => {
        waiters.push({ resolve, reject });
        // Even the error of a closed one comes from the runtime.
        const [any] = idle;
        if (!isOpen() && spare.length === 0 && any !== undefined) start(any);
        else settle();
      }),
    add(acceptor) {
      idle.add(acceptor);
      settle();
    },
  };
}
