/**
 * Lines that are handed out as fast as they are read, as a stream of the web.
 *
 * @module
 */

import type { LineSource } from "../../core/control/socket.ts";

/** How an answer of lines says what it is. */
export const LINES_TYPE = "text/plain; charset=utf-8";

/** Bun 1.4.4 does not say when an answer was sent: it has so many ms for it. */
const SENDING_MS = 50;

/**
 * A stream that asks for lines when somebody reads.
 *
 * @param sent when all of it was sent, or the client is gone, if that is known
 */
export function lineStream(
  lines: LineSource,
  sent: Promise<unknown> | undefined,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const done = (): void => lines.close();
  void sent?.then(done, done);
  return new ReadableStream({
    async pull(controller) {
      const text = await lines.next();
      if (text !== undefined) return controller.enqueue(encoder.encode(text));
      controller.close();
      if (sent === undefined) setTimeout(done, SENDING_MS);
    },
    cancel: done,
  }, { highWaterMark: 0 });
}
