/**
 * The body of a request as a stream that reads only as fast as it is read.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { RUNTIME } from "../process/runtime.ts";

/** The body of a request. */
export function bodyOf(
  incoming: IncomingMessage,
  response: ServerResponse,
): ReadableStream<Uint8Array> {
  let begun = false;
  let over = false;

  const begin = (
    controller: ReadableStreamDefaultController<Uint8Array>,
  ): void => {
    const fail = (): void => {
      if (over) return;
      over = true;
      controller.error(
        new DOMException(
          "The client went away before the request was complete",
          "AbortError",
        ),
      );
    };
    incoming.on("data", (chunk: Uint8Array) => {
      if (over) return;
      controller.enqueue(bytesOf(chunk));
      if ((controller.desiredSize ?? 0) <= 0) stop(incoming);
    });
    incoming.once("end", () => {
      if (over) return;
      over = true;
      controller.close();
    });
    incoming.once("error", fail);
    incoming.once("close", fail);
    // What nobody reads any more would stand in the way of the next request
    // on the connection.
    response.once("finish", () => {
      fail();
      resume(incoming);
    });
    if (incoming.destroyed) fail();
  };

  if (RUNTIME.httpIgnoresPause) {
    // Not at once: most bodies came with the head, and a paused connection
    // does not show that its client went away.
    setImmediate(() => {
      if (begun || over || incoming.complete || response.writableEnded) return;
      incoming.socket.pause();
      response.once("close", () => incoming.socket.resume());
      response.once("finish", () => incoming.socket.resume());
    });
  }
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      // Reading begins with the first pull: node:http itself skips a body that
      // was never looked at.
      if (!begun) begin(controller);
      begun = true;
      if (!over) resume(incoming);
    },
    cancel() {
      over = true;
      resume(incoming);
    },
  }, { highWaterMark: 0 });
}

function stop(incoming: IncomingMessage): void {
  incoming.pause();
  if (RUNTIME.httpIgnoresPause) incoming.socket.pause();
}

function resume(incoming: IncomingMessage): void {
  if (RUNTIME.httpIgnoresPause) incoming.socket.resume();
  incoming.resume();
}

/** A plain view: a `Buffer` would show its own `slice` and `toString`. */
function bytesOf(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
