/**
 * What is ended in `rebalance` and is no answer of HTTP/1.1.
 *
 * @module
 */

import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { setTimeout } from "node:timers";
import type { Rebalance } from "../process/balancing.ts";
import type { Upgrades } from "./upgrades.ts";
import { CLOSE_ANSWER_MS, sendGoingAway } from "./websocket.ts";

/**
 * The first of the two GOAWAY frames of RFC 9113 §6.8 names the greatest stream
 * there can be: whatever the client has sent before it heard of it is served.
 */
const LAST_STREAM = 2 ** 31 - 1;

/** After so long, in ms, it has heard of it, and the second frame is sent. */
const NOTICE_MS = 1000;

const moving = new WeakSet<ServerHttp2Session>();

/** Has a session of HTTP/2 end, if some are to, and no stream with it. */
export function moveSession(
  session: ServerHttp2Session,
  since: number,
  by: Rebalance,
): void {
  if (session.closed || session.destroyed || moving.has(session)) return;
  if (!by.take(since)) return;
  moving.add(session);
  session.once("close", by.over);
  session.goaway(0, LAST_STREAM);
  setTimeout(() => {
    if (!session.closed && !session.destroyed) session.close();
  }, NOTICE_MS).unref();
}

/**
 * Ends WebSockets, where that is wanted.
 *
 * @param open those that are there, with when they came
 * @param end says "going away"
 */
export function moveWebSockets<T>(
  by: Rebalance | undefined,
  open: () => Iterable<readonly [socket: T, since: number]>,
  end: (socket: T) => void,
): void {
  if (by?.webSockets !== true) return;
  const told = new Set<T>();
  by.watch(() => {
    if (by.due <= 0 && told.size === 0) return;
    const there = new Map(open());
    for (const socket of told) {
      if (there.has(socket)) continue;
      told.delete(socket);
      by.over();
    }
    for (const [socket, since] of there) {
      if (by.due <= 0) return;
      if (told.has(socket) || !by.take(since)) continue;
      told.add(socket);
      end(socket);
    }
  });
}

/** The same for servers of `node:http`. */
export function moveUpgraded(
  by: Rebalance,
  sockets: Iterable<Socket>,
  upgraded: Upgrades,
): void {
  moveWebSockets(by, function* () {
    for (const socket of sockets) {
      const { since, written = Infinity } = upgraded.webSocket(socket) ?? {};
      // The handshake is over.
      if (since !== undefined && socket.bytesWritten > written) {
        yield [socket, since] as const;
      }
    }
  }, (socket) => {
    sendGoingAway(socket, upgraded.webSocket(socket)!, CLOSE_ANSWER_MS);
  });
}
