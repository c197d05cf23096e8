/**
 * Finds the HTTP/1.1 connections that are between two requests.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { finish } from "./connections.ts";

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

function hadNoRequest(socket: Socket): boolean {
  return (socket as Socket & Busy)._httpMessage === undefined;
}

/** Closes connections that have been idle for a time. */
export interface IdleWatch {
  /** Looks at one connection. */
  look(socket: Socket, now: number): void;
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
 */
export function watchIdle(idle: number): IdleWatch {
  // Since when a connection is idle and how many bytes it had read by then.
  const seen = new WeakMap<
    Socket,
    { since: number; looked: number; readonly bytes: number }
  >();
  return {
    look(socket, now) {
      if (responseOf(socket) !== undefined) {
        seen.delete(socket);
        return;
      }
      const last = seen.get(socket);
      if (last === undefined) {
        // A connection that never had a request but has sent something is in
        // the middle of its first one, however slowly that comes.
        const bytes = hadNoRequest(socket) ? 0 : socket.bytesRead;
        seen.set(socket, { since: now, looked: now, bytes });
        return;
      }
      const pause = now - last.looked;
      last.looked = now;
      if (pause > STALL_MS) last.since += pause;
      if (socket.bytesRead === last.bytes && now - last.since >= idle) {
        finish(socket);
      }
    },
  };
}
