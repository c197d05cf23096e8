/**
 * WebSockets of `node:http` servers in the drain.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { finish } from "./connections.ts";

/**
 * A Close frame of a server: FIN and opcode 8, unmasked, two bytes, the status
 * 1001 "going away" (RFC 6455 §5.5.1 and §7.4.1).
 */
const GOING_AWAY: Uint8Array = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** How long a client may take to answer a Close frame, in ms. */
export const ANSWER_MS = 5000;

/** A connection that was asked to become a WebSocket. */
export interface Handshake {
  /** How many bytes it had sent by then. */
  readonly written: number;
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
export function sayGoingAway(
  socket: Socket,
  { written }: Handshake,
  patience: number,
): boolean {
  if (socket.destroyed || !socket.writable) return true;
  if (socket.bytesWritten <= written) return false;
  socket.write(GOING_AWAY);
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
