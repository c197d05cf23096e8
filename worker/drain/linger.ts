/**
 * A connection whose last answer is there before its request is: who answers an
 * upload without reading it, and closes, has the kernel reset the connection, and
 * its client may lose the answer (RFC 9112 §9.6). So what still comes is read and
 * dropped for a while, as nginx does with `lingering_close`.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** For so long at most, in ms, as in nginx (`lingering_time`). */
const LINGERING_TIME = 30_000;

/** Connections that are waited for. */
const waited = new WeakSet<Socket>();

/**
 * Has a connection outlive its last answer until the body of its request has
 * come, or the time is over. Closed once more, as a drain does with one that is
 * idle, it ends.
 *
 * @param bodyOf its latest request, where the body of that is still coming
 */
export function linger(
  socket: Socket,
  bodyOf: (socket: Socket) => IncomingMessage | undefined,
): void {
  if (waited.has(socket)) return;
  waited.add(socket);
  const destroySoon = socket.destroySoon.bind(socket);
  let lingers = false;
  socket.destroySoon = () => {
    const request = lingers || socket.destroyed ? undefined : bodyOf(socket);
    if (request === undefined) return destroySoon();
    // Not half-closed meanwhile: there are clients that give up by that.
    lingers = true;
    const timer = setTimeout(destroySoon, LINGERING_TIME);
    socket.once("close", () => clearTimeout(timer));
    // Whoever has left it unread, or has begun to read it and stopped.
    request.once("end", destroySoon).resume();
  };
}
