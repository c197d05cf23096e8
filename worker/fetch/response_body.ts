/**
 * Writes the body of a response.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { clientGone } from "./request_errors.ts";

/**
 * How many turns of the microtask queue a stream gets to show that its first
 * chunk was its last. A body made of a string or bytes needs fewer on Node
 * 22.12 and 26.10, Deno 2.9.5 and Bun 1.4.4; a body that has to wait for
 * something is not held up, because no task runs in between.
 */
const TURNS = 8;

/**
 * Writes a body with back-pressure. A body whose first chunk is its last goes
 * out in one piece, with its length.
 *
 * @param head writes the head, once it is known whether the length is
 * @param told how long the body is to be, where its response says so
 * @throws {TypeError} when a stream is of another length, or of what cannot be
 * sent
 */
export async function pipe(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
  head: (length: number | undefined) => void,
  told: number | undefined,
): Promise<void> {
  const reader = body.getReader();
  try {
    await send(reader, outgoing, head, told);
  } catch (error) {
    // It is answered in another way.
    reader.cancel(error).catch(() => {});
    throw error;
  }
}

async function send(
  reader: Reader,
  outgoing: ServerResponse,
  head: (length: number | undefined) => void,
  told: number | undefined,
): Promise<void> {
  const first = reader.read();
  const one = await soon(first);
  if (one?.done === true) {
    head(0);
    outgoing.end();
  } else if (one === undefined) {
    await stream(reader, [first], outgoing, head, told);
  } else {
    const second = reader.read();
    const two = await soon(second);
    if (two?.done === true) {
      const chunk = bytesOf(one.value);
      head(chunk.byteLength);
      endWith(outgoing, chunk);
    } else await stream(reader, [first, second], outgoing, head, told);
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Next = Awaited<ReturnType<Reader["read"]>>;

/** The result of a read if it comes before any task has run. */
async function soon(read: Promise<Next>): Promise<Next | undefined> {
  let result: Next | undefined;
  // A rejection is seen by whoever awaits the read itself.
  read.then((next) => result = next, () => {});
  for (let turn = 0; turn < TURNS && result === undefined; turn++) {
    await undefined;
  }
  return result;
}

/** The responses whose bodies have more to come. */
async function stream(
  reader: Reader,
  begun: readonly Promise<Next>[],
  outgoing: ServerResponse,
  head: (length: number | undefined) => void,
  told: number | undefined,
): Promise<void> {
  let sent = 0;
  // A client that goes away while the body waits for something must end it.
  const onClose = (): void => {
    reader.cancel(clientGone()).catch(() => {});
  };
  outgoing.once("close", onClose);
  // The client's going away is told by "close"; without a listener this event
  // would end the process.
  outgoing.on("error", () => {});
  try {
    const reads = begun[Symbol.iterator]();
    let isFirst = true;
    while (true) {
      const next = await (reads.next().value ?? reader.read());
      if (outgoing.destroyed) return onClose();
      if (isFirst) head(undefined);
      isFirst = false;
      if (next.done) break;
      const chunk = bytesOf(next.value);
      sent += chunk.byteLength;
      checkLength(sent, told, false);
      await writeChunk(outgoing, chunk);
    }
    checkLength(sent, told, true);
    outgoing.end();
  } finally {
    outgoing.off("close", onClose);
  }
}

/**
 * What a client takes for the end of the body has to be it: the rest would be the
 * answer to its next request.
 */
function checkLength(
  sent: number,
  told: number | undefined,
  isWhole: boolean,
): void {
  if (told === undefined || sent === told || (!isWhole && sent < told)) return;
  throw new TypeError(
    `Cannot send the response's body: it has ${
      isWhole ? `${sent} bytes` : "more bytes"
    } and its "content-length" is ${told}: leave that out, and of what fetch() has decoded "content-encoding" too`,
  );
}

/**
 * A chunk as it is sent. The standard has bytes alone; what is meant by a text or
 * a buffer is clear, and node:http takes it.
 *
 * @throws {TypeError} for anything else
 */
function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return Buffer.from(chunk);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError(
    `Cannot send a chunk of the response's body: it is ${
      chunk === null ? "null" : typeof chunk
    }, it must be a Uint8Array`,
  );
}

/** Up to how many bytes a copy costs less than a second buffer to write. */
const SMALL = 4096;

/** Ends a response with its only chunk. */
export function endWith(outgoing: ServerResponse, chunk: Uint8Array): void {
  if (chunk.byteLength > SMALL) return void outgoing.end(chunk);
  // Node joins the head and a body in this encoding, one byte per character,
  // into one write(2); bytes would be a writev(2) of two parts.
  const { buffer, byteOffset, byteLength } = chunk;
  const text = Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
  outgoing.end(text, "latin1");
}

function writeChunk(
  outgoing: ServerResponse,
  chunk: Uint8Array,
): Promise<void> | void {
  if (outgoing.write(chunk) || outgoing.destroyed) return;
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done);
      outgoing.off("close", done);
      resolve();
    };
    outgoing.on("drain", done);
    outgoing.on("close", done);
  });
}
