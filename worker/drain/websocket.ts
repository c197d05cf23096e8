/**
 * WebSockets of `node:http` servers in the drain.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { finish } from "./connections.ts";

/** The status "going away" of a Close frame (RFC 6455 §7.4.1). */
export const GOING_AWAY = 1001;

/**
 * A Close frame of a server: FIN and opcode 8, unmasked, two bytes, the status
 * (RFC 6455 §5.5.1).
 */
const CLOSE_FRAME: Uint8Array = Buffer.from(
  [0x88, 0x02, GOING_AWAY >> 8, GOING_AWAY & 0xff],
);

/** How long a client may take to answer a Close frame, in ms: at most. */
export const CLOSE_ANSWER_MS = 5000;

/** The part of the window that is left for the answers to Close frames. */
const FOR_ANSWERS = 0.15;

/** How long a client may take to answer, in ms, in a drain of this window. */
export function closePatience(window: number): number {
  return Math.min(CLOSE_ANSWER_MS, window * FOR_ANSWERS);
}

/** A connection that was asked to become a WebSocket. */
export interface Handshake {
  /** How many bytes it had sent by then. */
  readonly written: number;
  /** When that was, on the clock of `performance.now()`. */
  readonly since: number;
}

/**
 * Says "going away" on a WebSocket, whatever library serves it, and ends the
 * connection when the client has not answered in `patience` ms. The answer
 * reaches the library, which ends the connection as if the client had begun.
 *
 * The frame is written between two writes of the library. That is between two
 * frames, since libraries write a frame in one go (`ws` corks), and a control
 * frame may stand between the fragments of a message (RFC 6455 §5.4).
 *
 * @returns false when the handshake is not over yet, to be asked again
 */
export function sendGoingAway(
  socket: Socket,
  { written }: Pick<Handshake, "written">,
  patience: number,
): boolean {
  if (socket.destroyed || !socket.writable) return true;
  if (socket.bytesWritten <= written) return false;
  socket.write(CLOSE_FRAME);
  // Nothing may follow it (RFC 6455 §5.5.1), not even the library's own. Bun's
  // own write past the socket; a client ignores what comes then (§1.4).
  discardWrites(socket);
  const timer = setTimeout(() => finish(socket), patience);
  socket.once("close", () => clearTimeout(timer));
  return true;
}

function discardWrites(socket: Socket): void {
  socket.write = (...given: readonly unknown[]): boolean => {
    const callback = given.findLast((each) => typeof each === "function");
    if (callback !== undefined) queueMicrotask(callback as () => void);
    return true;
  };
}
