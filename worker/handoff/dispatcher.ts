/**
 * Connections that the supervisor accepted and hands over.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import { failed } from "../../core/protocol.ts";
import type { AcceptedHandle } from "../../handles/types.ts";
import type { Attachment, Core } from "../process/worker_core.ts";

/**
 * How long ended connections are counted before they are reported together,
 * in ms: one message per connection would cost as much as the connection.
 */
const BATCH_MS = 50;

/** The taker of handed connections. */
export interface Handoff {
  /**
   * Takes over a connection that came with a message.
   *
   * @param head what the supervisor has read of it, one character per byte
   */
  receive(listener: string, handle: unknown, head: string | undefined): void;
  /**
   * The server of a listener takes so many more; Infinity for as many as come.
   */
  readonly room: (listener: string, more: number) => void;
  /** Reports now what has been counted. */
  readonly flush: () => void;
}

/**
 * Makes the taker.
 *
 * @param takerOf what takes the connections of a listener
 * @param tookOver counts a connection that another worker has passed on; false
 * for one that the supervisor has accepted, which counts it itself
 */
export function createHandoff(
  tell: Core["tell"],
  takerOf: (listener: string) => Pick<Attachment, "take" | "defer"> | undefined,
  tookOver: (listener: string) => boolean,
): Handoff {
  /** How many have come of each listener. */
  const received = new Map<string, number>();
  /** How many of them are taken in all, as the supervisor was told. */
  const totals = new Map<string, number>();
  let ended = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (ended > 0) tell({ type: "closed", count: ended });
    ended = 0;
  };
  const count = (): void => {
    ended++;
    timer ??= setTimeout(flush, BATCH_MS);
  };

  return {
    // Also while the worker drains: the runtime has confirmed the connection
    // already, so it is this worker's to answer.
    receive(listener, handle, head) {
      received.set(listener, (received.get(listener) ?? 0) + 1);
      const { take, defer } = takerOf(listener) ?? {};
      if (isRaw(handle) && defer?.(handle) === true) return;
      const socket = asSocket(handle);
      if (socket === undefined || take === undefined) {
        socket?.destroy();
        tell(failed(`no server listens on "${listener}"`));
        return;
      }
      if (head !== undefined) socket.unshift(Buffer.from(head, "latin1"));
      take(socket);
      // Not before: what is written of this worker has to show the connection.
      if (!tookOver(listener)) socket.once("close", count);
    },
    room(listener, more) {
      const total = Math.min(
        (received.get(listener) ?? 0) + more,
        Number.MAX_SAFE_INTEGER,
      );
      if (total === (totals.get(listener) ?? Number.MAX_SAFE_INTEGER)) return;
      totals.set(listener, total);
      tell({ type: "limit", listener, total });
    },
    flush,
  };
}

/** Node sends a `net.Socket` as one and a raw handle as a raw handle. */
export function asSocket(handle: unknown): Socket | undefined {
  if (handle instanceof Socket) return handle;
  if (!isRaw(handle)) return undefined;
  const options: object = { handle, readable: true, writable: true };
  return new Socket(options);
}

/** True for a connection of which nothing can have been read. */
function isRaw(handle: unknown): handle is AcceptedHandle {
  return typeof handle === "object" && handle !== null &&
    !(handle instanceof Socket);
}
