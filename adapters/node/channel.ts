/**
 * Reads Node's IPC channel of a child with our own framing: Node's parser trusts
 * the child, and what it throws is an uncaught exception of the parent.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import net from "node:net";
import { type ChannelReader, READ_BYTES } from "../channel/reader.ts";
import type { Reading } from "../shared/lines.ts";
import { Turn } from "../shared/turn.ts";
import { type NodeConnection, nodeConnection } from "./sockets.ts";
import type {
  AcceptedHandle,
  NodeChannelPipe,
  NodeChildInternals,
} from "../../handles/types.ts";

/**
 * Takes over what is read from the channel. Where this version of Node has no
 * such members, Node's own parser goes on.
 */
export function readChannel(
  child: ChildProcess,
  reader: ChannelReader,
): Reading {
  const pipe = channelPipe(child);
  if (pipe === undefined) return readMessages(child, reader);
  // How many bytes of the buffer are new is known to Node's own readers alone,
  // so one of them stands in between: a socket on the same pipe.
  const end = pipe.onread;
  pipe.readStop();
  const turn = new Turn();
  const callback = (size: number, buffer: Uint8Array): boolean => {
    const handle = pipe.pendingHandle ?? undefined;
    pipe.pendingHandle = null;
    const lines = reader.read(
      buffer.subarray(0, size),
      handle && received(handle),
    );
    if (!turn.take(lines + 1)) return true;
    void turn.next().then(() => socket.resume());
    return false;
  };
  const socket: net.Socket = new net.Socket({
    handle: pipe,
    allowHalfOpen: true,
    // One buffer for all reads instead of a stream of chunks.
    onread: { buffer: new Uint8Array(READ_BYTES), callback },
  } as object);
  socket.on("error", () => undefined);
  socket.once("end", () => socket.destroy());
  return {
    ended: new Promise((resolve) =>
      socket.once("close", () => {
        // The end is the business of the reader before.
        end.call(pipe, undefined);
        reader.end();
        resolve();
      })
    ),
    cancel: () => void socket.destroy(),
  };
}

/**
 * Reads the channel as any program may. Of connections only bare handles can be
 * passed on: a socket that a runtime has made of one is being read already.
 */
export function readMessages(
  child: ChildProcess,
  reader: ChannelReader,
): Reading {
  child.on("message", (message, sent) => {
    if (sent === undefined || sent === null) return reader.message(message);
    const handle = sent as unknown as AcceptedHandle & Partial<net.Socket>;
    if (isStream(handle)) return reader.message(message, received(handle));
    if (handle.destroy !== undefined) handle.destroy();
    else handle.close();
    reader.noise("the worker sent a socket or server, which nobody takes here");
  });
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

/** A connection that a worker has passed on. */
function received(handle: AcceptedHandle): NodeConnection | undefined {
  if (isStream(handle)) return nodeConnection(handle);
  handle.close();
  return undefined;
}

/** A UDP socket is no connection; handles of TCP and of pipes are streams. */
function isStream(handle: AcceptedHandle): boolean {
  return typeof handle.readStart === "function";
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
