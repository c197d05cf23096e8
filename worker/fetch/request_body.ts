/**
 * The body of a request: as a stream that reads only as fast as it is read, or
 * as a whole.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { RUNTIME } from "../process/runtime.ts";
import { clientGone } from "./request_errors.ts";
import type { Stream, Unread } from "./lazy_body.ts";

/** The body of a request, which nobody has asked for. */
export function receivedBody(
  incoming: IncomingMessage,
  response: ServerResponse,
): Unread {
  return {
    bytes: () =>
      new Promise((resolve, reject) => {
        const { add, whole } = gather(announced(incoming));
        receive(incoming, response, {
          chunk: add,
          end: () => resolve(whole()),
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
    sink.fail(clientGone(" before the request was complete"));
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
  const answered = (): void => {
    fail();
    resume(incoming);
  };
  response.once("finish", answered);
  // A drain ends an answer without that.
  response.once("close", answered);
  if (incoming.destroyed) fail();
  return leave;
}

/**
 * Up to so many bytes have their place before they have come. A client that says
 * more costs nothing before it has sent it.
 */
const PREPARED = 256 * 1024;

/** How long a body is that is not longer than that; 0 where it is not known. */
function announced({ headers }: IncomingMessage): number {
  const length = Number(headers["content-length"] ?? 0);
  return length <= PREPARED ? length : 0;
}

/**
 * Puts chunks together to bytes of their own: they are parts of what the socket
 * has read.
 *
 * @param length of the body, as far as it is known
 */
function gather(length: number): {
  readonly add: (chunk: Uint8Array) => void;
  readonly whole: () => Uint8Array<ArrayBuffer>;
} {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  let at = 0;
  const more: Uint8Array[] = [];
  return {
    add(chunk) {
      if (more.length > 0 || at + chunk.byteLength > length) {
        more.push(chunk);
        return;
      }
      // To its place while the CPU has it: and what it was read into is free
      // before the garbage collector takes it for something that stays.
      bytes ??= bytesFor(length);
      bytes.set(chunk, at);
      at += chunk.byteLength;
    },
    whole() {
      if (bytes !== undefined && at === length && more.length === 0) {
        return bytes;
      }
      return joined([
        ...bytes === undefined ? [] : [bytes.subarray(0, at)],
        ...more,
      ]);
    },
  };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const bytes = bytesFor(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** All of a buffer that nobody else has, whatever was there before. */
function bytesFor(length: number): Uint8Array<ArrayBuffer> {
  const { buffer } = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(buffer);
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
