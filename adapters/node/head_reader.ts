/**
 * Reads the first bytes of a connection by Node's documented means.
 *
 * @module
 */

import net from "node:net";
import { Buffer } from "node:buffer";
import type { HeadReader } from "../../core/adapter/connection.ts";
import type { AcceptedHandle } from "../../handles/types.ts";

/** One buffer for all: nobody keeps what it is given. */
const memory: Buffer = Buffer.alloc(4096);

/** A connection of which the first bytes are read. */
export interface HandleReading extends Disposable {
  /** The connection. */
  readonly socket: net.Socket;
}

/** Reads at most `limit` bytes until disposed. */
export function readHandle(
  handle: AcceptedHandle,
  limit: number,
  reader: HeadReader,
): HandleReading {
  let left = limit;
  let open = true;
  const options: object = {
    handle,
    // The end of the client's half must not end ours.
    allowHalfOpen: true,
    onread: {
      buffer: () => memory.subarray(0, Math.max(1, Math.min(left, 4096))),
      // False stops the reading before any more is taken out of the kernel.
      callback(count: number, bytes: Uint8Array): boolean {
        left -= count;
        reader.bytes(bytes.subarray(0, count));
        return open && left > 0;
      },
    },
  };
  const socket = new net.Socket(options);
  const end = (broken: boolean): void => {
    if (!open) return;
    open = false;
    reader.end(broken);
  };
  socket.on("error", () => end(true));
  socket.once("end", () => end(false));
  socket.resume();
  return {
    socket,
    [Symbol.dispose]: () => {
      if (!open) return;
      open = false;
      socket.pause();
    },
  };
}
