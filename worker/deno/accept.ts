/**
 * What stands between a program's `accept()` and those of Deno: one for several
 * listeners, since a worker can accept on another one's shard as well, and a
 * pause while others go first. A program of Bun is called for each connection and
 * has no `accept()`.
 *
 * @module
 */

import { presentCore } from "../process/worker_core.ts";
import type { Graft } from "../graft/graft.ts";

/** What connections are accepted from. */
export interface AcceptSource<C> {
  /** Resolves with the next connection; rejects once it is closed. */
  accept(): Promise<C>;
}

/** Several sources as one. */
export interface Accepting<C> {
  /**
   * Resolves with the next connection of any of them. Calls wait in a row;
   * once all sources are closed they reject with what the last one said.
   */
  accept(): Promise<C>;
  /** Accepts from one more. */
  add(source: AcceptSource<C>): void;
}

interface AcceptCall<C> {
  resolve(connection: C): void;
  reject(error: unknown): void;
}

/**
 * Makes one of several.
 *
 * @param isOpen false once the sources were closed on purpose
 */
export function acceptFromAll<C>(isOpen: () => boolean): Accepting<C> {
  const idle = new Set<AcceptSource<C>>();
  const waiters: AcceptCall<C>[] = [];
  // Accepted for a waiter that another source has served meanwhile.
  const spare: C[] = [];
  let busy = 0;
  let lastError: unknown;
  const begun = presentCore()?.requests.connected;

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
  const start = (source: AcceptSource<C>): void => {
    idle.delete(source);
    busy++;
    source.accept().then(
      (connection) => {
        busy--;
        begun?.();
        idle.add(source);
        spare.push(connection);
        settle();
      },
      (error: unknown) => {
        busy--;
        lastError = error;
        if (isOpen()) {
          idle.add(source);
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
    add(source) {
      idle.add(source);
      settle();
    },
  };
}

/**
 * Holds `accept()` back while a listener yields: what the kernel has told Deno
 * once, Deno would go on accepting (mio keeps that in mind, 2.9.5).
 */
export interface AcceptPause {
  /** The graft; while it is quiesced nobody may accept. */
  follow(graft: Graft): Graft;
  /** Resolves when one may accept. */
  over(): Promise<void>;
  /** Ends it for good: what waits hears from Deno that it is over. */
  end(): void;
}

/** Makes the pause of one listener, which accepts at first. */
export function createAcceptPause(): AcceptPause {
  const waiting: (() => void)[] = [];
  let paused = false;
  const end = (): void => {
    paused = false;
    for (const accept of waiting.splice(0)) accept();
  };
  return {
    follow: (graft) => ({
      epoll: graft.epoll,
      get quiesced() {
        return graft.quiesced;
      },
      quiesce() {
        graft.quiesce();
        paused = true;
      },
      resume() {
        graft.resume();
        end();
      },
    }),
    over: () =>
      paused
        ? new Promise((resolve) => void waiting.push(resolve))
        : Promise.resolve(),
    end,
  };
}
