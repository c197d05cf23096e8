/**
 * How the runtimes' own servers let others go first. Their connections cannot
 * be passed on, so a worker that holds enough of them does not accept: it takes
 * its socket out of its event loop for as long, and the kernel offers what
 * comes to the others.
 *
 * Nothing is left lying: what came while the event loop ran was offered to
 * everybody that waits for the socket (EPOLLEXCLUSIVE of epoll_ctl(2) passes
 * over those that run), what woke it is accepted before its JavaScript runs,
 * and a socket that is put back is reported at once when something waits in its
 * queue.
 *
 * @module
 */

import type { Balancer } from "../process/balancing.ts";
import type { NativeLoad } from "./native_load.ts";

/** A server that can stop accepting for a while. */
export interface YieldingServer {
  /** Stops accepting. */
  quiesce(): void;
  /** Accepts again. */
  resume(): void;
  /** True when something waits in the queue of its socket. */
  waits(): boolean;
}

/** The yielding of this process. */
export interface Yielding {
  /**
   * Something has happened: a request, a connection. Costs next to nothing:
   * it can be called for each of them.
   */
  readonly touch: () => void;
  /** The same for a server that would accept the next one before it looks. */
  readonly look: () => void;
  /** Has a server yield as well, until disposed; then it stays as it is. */
  join(server: YieldingServer): Disposable;
}

/** Calls something once after some ms, which keeps no process alive. */
export type Delay = (run: () => void, ms: number) => { cancel(): void };

/** What it needs. */
export interface YieldingParts {
  /** Says when to yield. */
  readonly balancer: Balancer;
  /** The connections. */
  readonly load: NativeLoad;
  /** The time in ms. */
  readonly now: () => number;
  /** Timers. */
  readonly delay: Delay;
  /** Told, once for each server, when one could not be stopped or resumed. */
  readonly failed: (error: unknown) => void;
}

/** How often it looks while connections come and it may have to yield, in ms. */
const BUSY_LOOK_MS = 1;

/** How often it looks while there are requests and nothing else, in ms. */
const REQUEST_LOOK_MS = 8;

/** How often it looks while nothing happens, in ms. */
const QUIET_LOOK_MS = 50;

/** When nothing has changed for so long while it yields, nothing happens, in ms. */
const QUIET_MS = 100;

/**
 * When work has waited for so long and nobody has taken any, those that are less
 * loaded are busy, in ms: then it waits no longer. That much for each connection
 * above the limit, so that the next to least loaded goes first, and so much at
 * most.
 */
const PATIENCE_STEP_MS = 1;
const MAX_PATIENCE_MS = 10;

/** Work does not wait longer for others that take some now and then, in ms. */
const LONGEST_MS = 20;

/** Makes the yielding of this process. */
export function createYielding(parts: YieldingParts): Yielding {
  const { balancer, load, now, delay, failed } = parts;
  const servers = new Set<YieldingServer>();
  const failures = new WeakSet<YieldingServer>();
  let count: Disposable | undefined;
  let timer: { cancel(): void } | undefined;
  /** True while the next look is near: then a touch need not do anything. */
  let soon = false;
  let touched = false;
  let wait = BUSY_LOOK_MS;
  let yields = false;
  let waitsSince: number | undefined;
  let stuckSince: number | undefined;
  let changedAt = -Infinity;
  let open = 0;
  let limit = Infinity;
  let taken = 0;

  const disarm = (): void => {
    timer?.cancel();
    timer = undefined;
    soon = false;
    wait = BUSY_LOOK_MS;
  };
  const arm = (ms: number): void => {
    timer?.cancel();
    wait = ms;
    soon = ms <= REQUEST_LOOK_MS;
    timer = delay(look, ms);
  };
  const quiesce = (server: YieldingServer): void => {
    try {
      server.quiesce();
    } catch (error) {
      // It goes on accepting, as in `shared`.
      servers.delete(server);
      failed(error);
    }
  };
  /** Resumes all; false when that has to be tried again. */
  const resumeAll = (): boolean => {
    let done = true;
    for (const server of servers) {
      try {
        server.resume();
      } catch (error) {
        done = false;
        if (!failures.has(server)) failed(error);
        failures.add(server);
      }
    }
    return done;
  };
  /** True when what waits has to be taken here. */
  const isStuck = (at: number, took: boolean, othersTook: boolean): boolean => {
    if (![...servers].some((server) => server.waits())) {
      waitsSince = stuckSince = undefined;
      return false;
    }
    if (took || waitsSince === undefined) waitsSince = at;
    if (othersTook || stuckSince === undefined) stuckSince = at;
    const excess = Math.max(1, open + 1 - limit);
    const patience = Math.min(MAX_PATIENCE_MS, excess * PATIENCE_STEP_MS);
    return at - stuckSince >= patience || at - waitsSince >= LONGEST_MS;
  };
  const look = (): void => {
    const at = now();
    const before = { open, taken, yields };
    open = load.open();
    const more = load.arrived();
    // The others are to know of those that have ended, too.
    if (more !== 0 || open !== before.open) balancer.accepted(more);
    const isOver = balancer.isOver();
    limit = balancer.limit;
    taken = balancer.takenByOthers;
    if (!isOver) waitsSince = stuckSince = undefined;
    yields = isOver &&
      !isStuck(at, open > before.open, taken !== before.taken);
    if (yields && !before.yields) servers.forEach(quiesce);
    else if (!yields && before.yields) yields = !resumeAll();
    const changed = open !== before.open || taken !== before.taken ||
      yields !== before.yields || waitsSince !== undefined;
    if (changed) changedAt = at;
    const isActive = yields
      ? at - changedAt < QUIET_MS
      : changed && open + 1 + more > limit;
    const was = touched;
    touched = false;
    if (servers.size === 0) disarm();
    else if (isActive) arm(BUSY_LOOK_MS);
    else if (was) arm(Math.min(REQUEST_LOOK_MS, 2 * wait));
    else if (yields) arm(Math.min(QUIET_LOOK_MS, 2 * wait));
    else disarm();
  };
  const touch = (): void => {
    touched = true;
    if (!soon && servers.size > 0) look();
  };
  const counted = (): number => {
    // With each beat one look at least, for what came without a touch and for
    // what has become of the others.
    if (timer === undefined) arm(BUSY_LOOK_MS);
    return load.open();
  };

  return {
    touch,
    look() {
      touched = true;
      if (servers.size === 0) return;
      load.renew();
      look();
    },
    join(server) {
      servers.add(server);
      count ??= balancer.count(counted, load.arrived);
      if (yields) quiesce(server);
      return {
        [Symbol.dispose]() {
          servers.delete(server);
          if (servers.size > 0) return;
          disarm();
          yields = false;
          waitsSince = stuckSince = undefined;
          count?.[Symbol.dispose]();
          count = undefined;
        },
      };
    },
  };
}
