/**
 * Reads Node's IPC channel of a child with our own framing: Node's parser
 * throws an uncaught exception in the parent when a child writes garbage.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { frameReader, type FrameSink } from "./_frames.ts";
import type { NodeChannelPipe, NodeChildInternals } from "./_types/node.ts";

/**
 * Takes over what is read from the channel. Where this version of Node has no
 * such members, Node's own parser goes on and garbage is not survived.
 */
export function readChannel(child: ChildProcess, sink: FrameSink): void {
  const pipe = channelPipe(child);
  if (pipe === undefined) {
    child.on("message", (message) => sink.onMessage(message));
    return;
  }
  const original = pipe.onread;
  const read = frameReader(sink);
  pipe.onread = function (bytes): void {
    // The end is Node's business: it emits "disconnect".
    if (bytes === undefined) return original.call(this, bytes);
    pipe.pendingHandle?.close();
    pipe.pendingHandle = null;
    read(new Uint8Array(bytes));
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
  return typeof pipe?.onread === "function" ? pipe : undefined;
}
