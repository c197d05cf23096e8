/**
 * The body of a request: as a stream that reads only as fast as it is read, or
 * as a whole.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { RUNTIME } from "../process/runtime.ts";
import type { Stream, Unread } from "./lazy_body.ts";

/** The body of a request, which nobody has asked for. */
export function receivedBody(
  incoming: IncomingMessage,
  response: ServerResponse,
): Unread {
  return {
    bytes: () =>
      new Promise((resolve, reject) => {
        const chunks: Uint8Array[] = [];
        receive(incoming, response, {
          chunk: (chunk) => void chunks.push(chunk),
          end: () => resolve(joined(chunks)),
          fail: reject,
        });
      }),
    stream: () => bodyOf(incoming, response),
  };
}

/** The body of a request as a stream. */
export function bodyOf(
  incoming: IncomingMessage,
  response: ServerResponse,
): Stream {
  let leave: (() => void) | undefined;
  let over = false;

  const begin = (
    controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
  ): () => void =>
    receive(incoming, response, {
      chunk(chunk) {
        controller.enqueue(bytesOf(chunk));
        if ((controller.desiredSize ?? 0) <= 0) stop(incoming);
      },
      end() {
        over = true;
        controller.close();
      },
      fail(error) {
        over = true;
        controller.error(error);
      },
    });

  if (RUNTIME.httpIgnoresPause) {
    // Not at once: most bodies came with the head, and a paused connection
    // does not show that its client went away.
    setImmediate(() => {
      if (leave !== undefined || over || incoming.complete) return;
      if (response.writableEnded) return;
      incoming.socket.pause();
      response.once("close", () => incoming.socket.resume());
      response.once("finish", () => incoming.socket.resume());
    });
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      // Reading begins with the first pull: node:http itself skips a body that
      // was never looked at.
      leave ??= begin(controller);
      if (!over) resume(incoming);
    },
    cancel() {
      over = true;
      leave?.();
      resume(incoming);
    },
  }, { highWaterMark: 0 });
}

/** Who receives a body: any number of chunks, and then one of the others. */
interface Sink {
  chunk(chunk: Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
}

/** Receives a body; what it returns has the sink hear no more. */
function receive(
  incoming: IncomingMessage,
  response: ServerResponse,
  sink: Sink,
): () => void {
  let over = false;
  const leave = (): void => void (over = true);
  const fail = (): void => {
    if (over) return;
    over = true;
    sink.fail(
      new DOMException(
        "The client went away before the request was complete",
        "AbortError",
      ),
    );
  };
  incoming.on("data", (chunk: Uint8Array) => {
    if (!over) sink.chunk(chunk);
  });
  incoming.once("end", () => {
    if (over) return;
    over = true;
    sink.end();
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
  return leave;
}

/** Bytes of their own: chunks are parts of what the socket has read. */
function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const { buffer } = Buffer.allocUnsafeSlow(length);
  const bytes = new Uint8Array(buffer);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
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
function bytesOf(
  { buffer, byteOffset, byteLength }: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
