/**
 * Waits until a server can be closed and nobody notices.
 *
 * @module
 */

import type { ConnectionsView } from "./connections.ts";
import { type HeadsBy, watchHeads } from "./head_watch.ts";

/** What is known of the requests of a server. */
export interface Requests {
  /** How many are being answered. */
  readonly count: number;
  /**
   * When the last one of the drain was answered, on the clock of
   * `performance.now()`.
   */
  readonly lastEnd: number;
  /** The clients whose requests are being answered. */
  clients(): ReadonlySet<string>;
  /** True for a client that was told that this was the last response. */
  wasLast(client: string): boolean;
  /** True for a client of HTTP/2. */
  hasStreams(client: string): boolean;
}

/** How often the connections are looked at, in ms: at best and at worst. */
const LOOK_MS = 20;
const RARELY_MS = 500;

/**
 * How long the streams of HTTP/2 are waited for, in parts of the window, and at
 * most, in ms. Only a shutdown tells their client to open no more (GOAWAY, RFC
 * 9113 §6.8), since no header can (§8.2.2): one that goes on asking leaves no
 * moment without any. And Deno 2.9.5 cuts those in flight when the client
 * answers the shutdown with a GOAWAY of its own, as Node's does. Over before the
 * program hears of the end (`drain/drain.ts`) and may break the next stream.
 */
const FOR_STREAMS = 0.4;
const STREAMS_MS = 15_000;

/** How long they are waited for in a drain of this window, in ms. */
export function streamPatience(window: number): number {
  return Math.min(STREAMS_MS, window * FOR_STREAMS);
}

/** The most of the time that is spent on looking. */
export const LOOKING_PART = 0.1;

/** What a look is said to cost at least, in ms. */
const LEAST_COST = LOOK_MS * LOOKING_PART;

/** What else there is to the end of a server. */
export interface Ending {
  /** True while something else has to end first. */
  readonly othersLeft: () => boolean;
  /**
   * True where no shutdown follows: what is idle is hung up, whatever it speaks,
   * so that nothing else is left once no other is.
   */
  readonly stays?: boolean;
  /** True once nothing is to be ended any more. */
  readonly isOver?: () => boolean;
}

/**
 * Resolves, without another turn of the event loop, once a graceful shutdown
 * harms no connection: each is answering a request, which such a shutdown
 * waits for, or idle for long enough. Runtimes close at once what is neither,
 * such as a connection that was accepted and has not sent its request yet.
 *
 * On a Unix socket the kernel does not say which connection is idle: there the
 * time runs from the last answer of the server as a whole.
 *
 * @param idle how long an idle connection is waited for, in ms
 * @param window how long it is until the deadline, in ms
 * @param heads when those of requests must have come
 */
export function untilHarmless(
  view: ConnectionsView,
  requests: Requests,
  idle: number,
  window: number,
  heads: HeadsBy,
  { othersLeft, stays = false, isOver = () => false }: Ending,
): Promise<void> {
  const watch = watchHeads(view, idle, heads);
  const began = performance.now();
  const forStreams = streamPatience(window);
  // On a machine that gives this process no time, its clients have had none
  // either: a long time between two looks counts as a short one.
  let spent = 0;
  let last = began;
  let cost = LEAST_COST;
  let wait = LOOK_MS;
  const isHarmless = (now: number): boolean => {
    if (isOver()) return true;
    spent += Math.min(now - last, 2 * wait);
    last = now;
    const mustStay = othersLeft();
    const clients = requests.clients();
    let nameless = 0;
    let waits = false;
    // On a Unix socket all of them have been, or none.
    const allQuiet = requests.count <= clients.size &&
      Math.min(spent, now - requests.lastEnd) >= idle;
    for (const connection of view.open()) {
      const { peer, asks, quiet } = connection;
      const answering = peer !== undefined && clients.has(peer);
      if (answering || !asks) watch.forget(connection);
      if (peer === undefined) {
        nameless++;
        if (stays && allQuiet) view.hangUp(connection);
      } else if (requests.hasStreams(peer)) {
        if (answering) waits = waits || now - began < forStreams;
        else if (stays && Math.min(quiet, spent) >= idle) {
          view.hangUp(connection);
        }
      } else if (answering) continue;
      // Deno 2.9.5 leaves it open after a response that says it closes.
      else if (requests.wasLast(peer)) view.hangUp(connection);
      else if (asks) waits = watch.asks(connection, now) || waits;
      else if (Math.min(quiet, spent) < idle) waits = true;
      // The shutdown would close it, which may be a long time off.
      else if (mustStay) view.hangUp(connection);
    }
    if (waits || mustStay) return false;
    // Those that are answered and have no name: all but the clients.
    return nameless <= Math.max(0, requests.count - clients.size) ||
      Math.min(spent, now - requests.lastEnd) >= idle;
  };
  return new Promise((resolve) => {
    const look = (): void => {
      const before = performance.now();
      try {
        if (isHarmless(before)) return resolve();
      } catch {
        // Blind now, and still better than to leave at once.
        setTimeout(resolve, idle);
        return;
      }
      // One that another process has interrupted was no costly one.
      const took = Math.min(performance.now() - before, 2 * cost);
      cost = Math.max(LEAST_COST, took);
      wait = Math.min(RARELY_MS, cost / LOOKING_PART);
      setTimeout(look, wait);
    };
    look();
  });
}
