/**
 * The connections of a `net.Server` before it sees them.
 *
 * @module
 */

import type { Server } from "node:net";
import type {
  AcceptedHandle,
  ListeningHandle,
  ListeningServer,
} from "./types.ts";

/** What is done with a connection of which nothing was read. */
export interface HandlePlan {
  /** Asked before each one; false leaves it to the server. */
  wants(): boolean;
  /** Called with each one that the server has got. */
  left(): void;
  /** Takes one over. */
  take(handle: AcceptedHandle): void;
}

/**
 * Takes over what a listening server accepts before sockets are made of it, as
 * Node's own cluster does (lib/internal/cluster/round_robin_handle.js). Errors
 * of accept(2) remain the server's business.
 *
 * @returns false when this version of the runtime does not show handles
 */
export function takeHandles(server: Server, plan: HandlePlan): boolean {
  const { _handle } = server as unknown as ListeningServer;
  const own = _handle?.onconnection;
  if (!_handle || typeof own !== "function") return false;
  const listening = _handle;
  const { wants, left, take } = plan;
  listening.onconnection = (status, handle) => {
    if (status !== 0) return own.call(listening, status, handle);
    if (!wants()) {
      own.call(listening, status, handle);
      return left();
    }
    if (handle !== undefined) return take(handle);
    // On Deno it is not given the connection but told to accept one.
    const accepted = acceptFrom(listening);
    if (typeof accepted === "object") take(accepted);
    else own.call(listening, accepted);
  };
  return true;
}

/** The type of a handle that is a connection, for its constructor. */
const SOCKET = 0;

/** Accepts a connection; the negative number of the error when that fails. */
function acceptFrom(listening: ListeningHandle): AcceptedHandle | number {
  const { constructor: Handle } = listening as unknown as {
    readonly constructor: new (type: number) => AcceptedHandle;
  };
  const handle = new Handle(SOCKET);
  const status = listening.accept?.(handle) ?? -1;
  return status === 0 ? handle : status;
}
