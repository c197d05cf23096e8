/**
 * Passing connections on to less loaded workers, through the supervisor.
 *
 * A connection stays this worker's until it is told that another one is awake
 * and waits for it. Nothing was read from it until then, so it can be served
 * here at any time instead.
 *
 * One is sent at a time: the runtimes hold back every other message until the
 * other side has confirmed a handle, also the one that gives it away.
 *
 * @module
 */

import type { FromWorker } from "../../core/protocol.ts";
import type { Balancer, Passing, Unread } from "../process/balancing.ts";

/** What passing needs of the process. */
export interface PassingMeans {
  /** Says something to the supervisor. */
  tell(message: FromWorker): boolean;
  /**
   * Sends a connection along; false when that is not possible.
   *
   * @param onFailed called when it could not be sent after all
   */
  send(message: FromWorker, handle: object, onFailed: () => void): boolean;
  /** What counts connections. */
  readonly balancer: Pick<Balancer, "isOver" | "passedOn" | "pending" | "kept">;
  /** The time in ms; that of this process unless given. */
  readonly now?: () => number;
  /**
   * Calls something after some ms, once what had come by then was read; does
   * so in this process unless given.
   */
  readonly later?: (run: () => void, ms: number) => void;
}

const realNow = (): number => performance.now();

/**
 * A timer that is late by more than this says that the process was busy: what
 * has come meanwhile gets as long to be read, in ms. (After setImmediate() alone
 * Deno 2.9.5 has not read it.)
 */
const GRACE_MS = 3;

const realLater = (run: () => void, ms: number): void => {
  const due = realNow() + ms;
  setTimeout(() => {
    if (realNow() - due > GRACE_MS) setTimeout(run, GRACE_MS);
    else run();
  }, ms);
};

/**
 * After so many ms without a word the connections are served here. On a machine
 * with more to do than it has cores for, 20 ms without a word are common.
 */
export const PATIENCE_MS = 50;

/** For so many ms nothing is passed on then; doubled as long as it goes on. */
export const PAUSE_MS = 100;

/** The longest such pause, in ms. */
const MAX_PAUSE_MS = 3200;

/** How often those that wait are looked at, in ms. */
const PENDING_LOOK_MS = 1;

/** Makes the passing of this process. */
export function createPassing(
  { tell, send, balancer, now = realNow, later = realLater }: PassingMeans,
): Passing {
  const waiting: Unread[] = [];
  /** The supervisor has a copy of this one. */
  let sent: Unread | undefined;
  let id = 0;
  let sentAt = 0;
  let pause = PAUSE_MS;
  let pausedUntil = 0;
  let watching = false;
  let looking = false;

  /** True when a connection should be served here after all. */
  const stays = ({ isFull }: Unread): boolean =>
    !balancer.isOver() && isFull?.() !== true;
  /** The one that was sent is served here: nobody else may serve it, too. */
  const keep = (): Unread[] => {
    if (sent === undefined) return [];
    // Written first: this process may end before the runtime has sent the word.
    balancer.kept(id);
    tell({ type: "kept", id });
    const connection = sent;
    sent = undefined;
    return [connection];
  };
  const takeBack = (): void => {
    const all = [...keep(), ...waiting.splice(0)];
    balancer.pending(0);
    for (const each of all) each.serve();
  };
  const losePatience = (): void => {
    pausedUntil = now() + pause;
    pause = Math.min(2 * pause, MAX_PAUSE_MS);
    takeBack();
  };
  const watch = (ms: number): void => {
    watching = true;
    later(() => {
      watching = false;
      if (sent === undefined) return;
      const left = PATIENCE_MS - (now() - sentAt);
      if (left > 0) watch(left);
      else losePatience();
    }, ms);
  };
  const start = (connection: Unread): boolean => {
    const own = ++id;
    const { listener, handle } = connection;
    const sends = send({ type: "pass", id, listener }, handle, () => {
      if (sent !== undefined && own === id) losePatience();
    });
    if (!sends) return false;
    sent = connection;
    sentAt = now();
    if (!watching) watch(PATIENCE_MS);
    return true;
  };
  const proceed = (): void => {
    // Where all pass on, the least loaded of them has to stop.
    if (sent !== undefined && stays(sent)) {
      for (const connection of keep()) connection.serve();
    }
    while (waiting.length > 0) {
      // The others have got some as well while it waited.
      const serves = stays(waiting[0]!);
      if (!serves && sent !== undefined) break;
      const connection = waiting.shift()!;
      if (serves || !start(connection)) connection.serve();
    }
    balancer.pending(waiting.length + (sent === undefined ? 0 : 1));
    if (waiting.length > 0 || sent !== undefined) lookAgain();
  };
  const lookAgain = (): void => {
    if (looking) return;
    looking = true;
    later(() => {
      looking = false;
      proceed();
    }, PENDING_LOOK_MS);
  };

  return {
    pass(connection) {
      const silent = now() < pausedUntil;
      // After a silence one connection has to show that it is over.
      const doubtful = pause > PAUSE_MS && sent !== undefined;
      if (silent || doubtful) return connection.serve();
      waiting.push(connection);
      if (sent === undefined) proceed();
      else {
        balancer.pending(waiting.length + 1);
        lookAgain();
      }
    },
    room(forId) {
      pause = PAUSE_MS;
      pausedUntil = 0;
      // It was served here meanwhile, and its worker was told so.
      if (sent === undefined || forId !== id) return;
      const connection = sent;
      sent = undefined;
      connection.close();
      tell({ type: "gave", id });
      balancer.passedOn();
      proceed();
    },
    takeBack,
  };
}
