/**
 * The connections of a server, so that a drain knows which of them may be
 * closed. `server.close()` does not: it ends connections that were accepted
 * but have not sent their request yet.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Rebalance } from "../process/balancing.ts";

/** The connections of one server. */
export interface Connections {
  /**
   * How many are open, those at the listener's filter and in their TLS handshake
   * included.
   */
  readonly count: number;
  /**
   * Ends them with care and resolves once none is left. Idle ones get `idle`
   * ms for their next request. Those that stay (WebSockets, event streams) are
   * ended within `window` ms; never when it is Infinity, as when it is only
   * the program that closes its server. Later calls can bring that about.
   */
  drain(idle: number, window: number): Promise<void>;
  /**
   * Takes that back: what it has not ended yet lives on, and what it has
   * promised to end still ends. The promise of the drain resolves.
   */
  resume(): void;
  /** Ends those that are to go to other workers; not where it cannot. */
  rebalance?(by: Rebalance): void;
}

/**
 * Connections that were accepted and that the server has not seen yet, because
 * they have to pass the listener's filter first.
 */
export type PendingConnections = ReadonlySet<Socket>;

/** How often a draining server looks at its connections, in ms. */
const SCAN_MS = 20;

/**
 * Looks at something every {@linkcode SCAN_MS} until it says that nothing is
 * left. The first look is at once.
 */
export function scanUntil(isEmpty: (now: number) => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (isEmpty(performance.now())) return resolve();
    const timer = setInterval(() => {
      if (!isEmpty(performance.now())) return;
      clearInterval(timer);
      resolve();
    }, SCAN_MS);
  });
}

/** Ends a connection without cutting what it still has to send. */
export function finish(socket: Socket): void {
  // Destroys after the last byte: with `end()` alone a client that never
  // closes its half would hold the connection to the deadline.
  socket.destroySoon();
}

/** The name of a connection among those of one server, or undefined. */
export function socketPeer(socket: Socket): string | undefined {
  return socket.remotePort === undefined
    ? undefined
    : `${socket.remoteAddress} ${socket.remotePort}`;
}
