/**
 * Whether a socket of datagrams has answered what it has read: who reads and who
 * sends is seen, and nothing tells which answer belongs to which question.
 *
 * @module
 */

import type { Socket } from "node:dgram";
import { setTimeout } from "node:timers";
import type { Core } from "../process/worker_core.ts";

/** What a socket does. */
export interface Activity {
  /**
   * Resolves once all that is pending is over and nothing was read or sent for
   * `idle` ms, at the latest after `window` ms, or once it is `over`.
   */
  quiet(idle: number, window: number, over: () => boolean): Promise<void>;
}

/** How often is looked whether it is over, in ms. */
const LOOK_MS = 20;

/**
 * Watches a socket from now on.
 *
 * @param pending the answers that are still to come, where that is known: then
 * nothing has to be waited for but them
 */
export function activityOf(
  socket: Socket,
  core: Pick<Core, "requests">,
  pending?: ReadonlySet<Promise<unknown>>,
): Activity {
  let last = -Infinity;
  const touch = (): void => void (last = performance.now());
  // Each datagram is a question, as far as can be told.
  const begun = core.requests.counter();
  socket.prependListener("message", () => {
    touch();
    begun();
  });
  const send = socket.send as (...args: unknown[]) => unknown;
  socket.send = ((...args: unknown[]) => {
    touch();
    return send.apply(socket, args);
  }) as Socket["send"];
  // Not on Deno, where nothing is queued: it is sent at once or not at all.
  const queued = (): number => {
    try {
      return socket.getSendQueueCount?.() ?? 0;
    } catch {
      return 0;
    }
  };
  return {
    async quiet(idle, window, over) {
      const end = performance.now() + window;
      // What the event loop was told of before it stopped is read by now.
      await pass(0);
      for (;;) {
        const now = performance.now();
        if (over() || now >= end) return;
        const since = pending === undefined ? now - last : Infinity;
        const open = (pending?.size ?? 0) > 0 || queued() > 0;
        if (!open && since >= idle) return;
        await pass(Math.min(open ? LOOK_MS : idle - since, end - now, LOOK_MS));
      }
    },
  };
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
