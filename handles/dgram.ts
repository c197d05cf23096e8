/**
 * Where a socket of `node:dgram` keeps what it does not show: an object under
 * an undocumented symbol, `Symbol("state symbol")` on Node 22.12 and 26.10 and
 * on Bun 1.4.4, `Symbol("kStateSymbol")` on Deno 2.9.5.
 *
 * @module
 */

import type { Socket } from "node:dgram";

/** What is used of the handle behind a socket. */
export interface DgramHandle {
  /** The descriptor, on Node and Bun. */
  readonly fd?: number;
  /** Begins to read, on Node; returns 0 or a negative error number. */
  recvStart?(): number;
  /** Reads no more, not even what the event loop has been told of, on Node. */
  recvStop?(): number;
}

/** What is used of the state. */
export interface DgramState {
  /** Bound to it when the socket is; not there on Deno. */
  reusePort?: unknown;
  /** 0 unbound, 1 binding, 2 bound. */
  bindState?: number;
  /** True while the runtime reads. */
  receiving?: boolean;
  /** What it is bound to. */
  handle?: DgramHandle | null;
}

/** What reads a socket, and can stop without closing it. */
export interface Receiving {
  /** Reads no more. */
  pause(): void;
  /** Reads again. */
  resume(): void;
}

/** The state of a socket; undefined where this runtime has another one. */
export function dgramState(socket: Socket): DgramState | undefined {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const state: unknown = Reflect.get(socket, symbol);
    if (typeof state === "object" && state !== null && "bindState" in state) {
      return state as DgramState;
    }
  }
  return undefined;
}

/** What a socket was created as, `udp4` or `udp6`. */
export function dgramType(socket: Socket): string | undefined {
  return (socket as unknown as { readonly type?: string }).type;
}

/**
 * Stops a socket of Node from reading, or has it go on. False where the runtime
 * does not show how.
 */
export function setReceiving(socket: Socket, on: boolean): boolean {
  const handle = dgramState(socket)?.handle;
  if (handle?.recvStart === undefined || handle.recvStop === undefined) {
    return false;
  }
  return (on ? handle.recvStart() : handle.recvStop()) === 0;
}
