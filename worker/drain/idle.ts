/**
 * Finds the HTTP/1.1 connections that are between two requests.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { finish } from "./connections.ts";
import { REQUEST_TIMEOUT } from "./head_patience.ts";

/**
 * The response that a connection is busy with. Undocumented; seen on Node
 * 22.12 and 26.10, Deno 2.9.5 and Bun 1.4.4: undefined before the first
 * request, the response during one, null between two.
 */
interface Busy {
  readonly _httpMessage?: ServerResponse | null;
}

/** The response that a connection is busy with, if any. */
export function responseOf(socket: Socket): ServerResponse | undefined {
  return (socket as Socket & Busy)._httpMessage ?? undefined;
}

/** True for a connection that has sent no whole head yet. */
export function hadNoRequest(socket: Socket): boolean {
  return (socket as Socket & Busy)._httpMessage === undefined;
}

/** What connections have read of their requests. */
export interface Reading {
  /**
   * How many bytes a connection had read by the end of its latest request; what
   * came since is the beginning of the next one. All, where that is not known:
   * after a body.
   */
  readBefore(socket: Socket): number;
  /** True while the body of its latest request is still coming. */
  readsBody(socket: Socket): boolean;
}

/** Of connections that have no requests. */
const NO_REQUESTS: Reading = { readBefore: () => 0, readsBody: () => false };

/** Closes connections that have been idle for a time. */
export interface IdleWatch {
  /**
   * Looks at one connection.
   *
   * @param headsBy when the request that it has begun to send must be there;
   * never, unless given
   * @param refuse ends it when that has passed, but not what has its answer and
   * still sends the body
   */
  look(
    socket: Socket,
    now: number,
    headsBy?: number,
    refuse?: (socket: Socket) => void,
  ): void;
}

/** Ends a connection of HTTP/1.1 of which half a head has come. */
export function refuseHead(socket: Socket): void {
  if (socket.writable) socket.write(REQUEST_TIMEOUT);
  finish(socket);
}

/**
 * Milliseconds between two looks after which the event loop must have stood
 * still: the program was busy, or the machine was. What came in meanwhile has
 * not been read, so that time does not count as idle.
 */
const STALL_MS = 100;

/**
 * Makes a watch that closes what is idle for `idle` milliseconds. It has to
 * look much more often than every 100 ms.
 *
 * @param reading what connections have read of their requests, if they have any
 */
export function watchIdle(
  idle: number,
  reading: Reading = NO_REQUESTS,
): IdleWatch {
  // Since when a connection has no request. One that has read more bytes than
  // before is in the middle of the next one, however slowly that comes.
  const seen = new WeakMap<
    Socket,
    { since: number; looked: number; readonly bytes: number }
  >();
  return {
    look(socket, now, headsBy = Infinity, refuse = finish) {
      if (responseOf(socket) !== undefined) {
        seen.delete(socket);
        return;
      }
      const last = seen.get(socket);
      if (last === undefined) {
        const bytes = reading.readBefore(socket);
        seen.set(socket, { since: now, looked: now, bytes });
        return;
      }
      const pause = now - last.looked;
      last.looked = now;
      if (pause > STALL_MS) {
        last.since += pause;
        return;
      }
      if (now - last.since < idle) return;
      if (socket.bytesRead === last.bytes) finish(socket);
      else if (now >= headsBy) {
        if (reading.readsBody(socket)) finish(socket);
        else refuse(socket);
      }
    },
  };
}
