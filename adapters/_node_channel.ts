/**
 * Reads Node's IPC channel of a child with our own framing: Node's parser
 * throws an uncaught exception in the parent when a child writes garbage.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import net from "node:net";
import { frameReader, type FrameSink } from "./_frames.ts";
import type { Ending } from "./_lines.ts";
import type { NodeChannelPipe, NodeChildInternals } from "./_types/node.ts";

/** As much as libuv reads at once. */
const READ_SIZE = 64 * 1024;

/**
 * Takes over what is read from the channel. Where this version of Node has no
 * such members, Node's own parser goes on and garbage is not survived.
 */
export function readChannel(child: ChildProcess, sink: FrameSink): Ending {
  const pipe = channelPipe(child);
  if (pipe === undefined) return readMessages(child, sink);
  // How many bytes of the buffer are new is known to Node's own readers alone,
  // so one of them stands in between: a socket on the same pipe.
  const end = pipe.onread;
  const read = frameReader(sink);
  pipe.readStop();
  const callback = (size: number, buffer: Uint8Array): boolean => {
    // A socket or server that the worker sent: nobody takes it.
    pipe.pendingHandle?.close();
    pipe.pendingHandle = null;
    read(buffer.subarray(0, size));
    return true;
  };
  const socket = new net.Socket({
    handle: pipe,
    allowHalfOpen: true,
    // One buffer for all reads instead of a stream of chunks.
    onread: { buffer: new Uint8Array(READ_SIZE), callback },
  } as object);
  socket.on("error", () => undefined);
  socket.once("end", () => socket.destroy());
  return {
    ended: new Promise((resolve) =>
      socket.once("close", () => {
        // The end is the business of the reader before.
        end.call(pipe, undefined);
        resolve();
      })
    ),
    cancel: () => void socket.destroy(),
  };
}

/** Reads the channel as any program may. */
export function readMessages(child: ChildProcess, sink: FrameSink): Ending {
  child.on("message", (message) => sink.onMessage(message));
  return {
    ended: new Promise((resolve) => child.once("disconnect", () => resolve())),
    cancel: () => {
      if (child.connected) child.disconnect();
    },
  };
}

/**
 * Passes the confirmation of a connection on to Node, which then sends the
 * next one. Without one under way, Node would fail an assertion.
 */
export function confirm(child: ChildProcess, cmd: string): void {
  if (Array.isArray((child as unknown as NodeChildInternals)._handleQueue)) {
    child.emit("internalMessage", { cmd }, undefined);
  }
}

function channelPipe(child: ChildProcess): NodeChannelPipe | undefined {
  const key = Object.getOwnPropertySymbols(child)
    .find((symbol) => symbol.description === "kChannelHandle");
  if (key === undefined || child.listenerCount("internalMessage") === 0) {
    return undefined;
  }
  const pipe = (child as unknown as Record<symbol, NodeChannelPipe>)[key];
  return typeof pipe?.onread === "function" &&
      typeof pipe.readStop === "function"
    ? pipe
    : undefined;
}
