/**
 * Event streams of `node:http` and `node:http2` in the drain.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import {
  followEvents,
  isCoded,
  type Piece,
  SILENCE_MS,
} from "./event_boundary.ts";

/** What is used of a response of node:http or a stream of node:http2. */
export interface Outgoing {
  /** As of `Writable`. */
  write(...given: unknown[]): boolean;
  /** As of `Writable`. */
  end(...given: unknown[]): unknown;
  /** As of `Writable`. */
  readonly writableEnded: boolean;
  /** As of `Writable`. */
  readonly destroyed: boolean;
}

/** An event stream that will have to end. */
export interface StreamEnd {
  /** Ends it now if it is between two events, else as soon as it is. */
  want(): void;
}

/**
 * Follows what is written to an event stream from now on, so that it can end
 * between two events. What was written before is not known: it counts as
 * between two events after {@linkcode SILENCE_MS} without a write.
 *
 * To the program the end looks like a client that went away: "close" comes, and
 * what it writes until then goes nowhere.
 *
 * @param coded whether what is written is compressed
 */
export function streamEndOf(outgoing: Outgoing, coded: boolean): StreamEnd {
  const events = followEvents(false, coded);
  let wanted = false;
  let over = false;
  let last = performance.now();
  let silence: ReturnType<typeof setTimeout> | undefined;

  const finish = (): void => {
    clearTimeout(silence);
    if (over || outgoing.writableEnded || outgoing.destroyed) return;
    over = true;
    outgoing.write = write;
    endUnseen(outgoing);
    discard(outgoing);
  };
  const listen = (): void => {
    clearTimeout(silence);
    silence = setTimeout(finish, last + SILENCE_MS - performance.now());
  };
  // Not from the prototype: a compressing middleware sits on the object too.
  const write = outgoing.write;
  outgoing.write = (...given: unknown[]): boolean => {
    const piece = pieceOf(given);
    if (piece === undefined) return write.apply(outgoing, given);
    last = performance.now();
    const end = wanted ? events.find(piece) : undefined;
    if (end === undefined) {
      events.pass(piece);
      if (wanted) listen();
      return write.apply(outgoing, given);
    }
    write.call(outgoing, piece.slice(0, end), ...given.slice(1));
    finish();
    return false;
  };
  return {
    want() {
      wanted = true;
      if (events.between) finish();
      else listen();
    },
  };
}

/**
 * By what the runtimes hear that a response was sent: the first listener to
 * "finish". Undocumented; seen on Node 22.12 and 26.10 and Deno 2.9.5, and on
 * Bun 1.4.4.
 */
const OWN = new Set(["bound resOnFinish", "emitResponseFinish"]);

/** Where a response says whether it has come to its end. */
const ENDS = ["writableEnded", "writableFinished"] as const;

/**
 * Ends a response for its client alone. Who feeds it learns of a client that
 * went away by a "close" without "finish" (as `pipeline()` does) and by these
 * members (@hono/node-server, srvx, next): when both tell of the end that the
 * program never came to, it writes on for ever, or into what was closed.
 */
function endUnseen(outgoing: Outgoing): void {
  const response = outgoing as unknown as ServerResponse;
  const [own, ...others] = response.rawListeners("finish");
  // A stream of HTTP/2 has none, and its "close" is all that counts there.
  if (own === undefined || !OWN.has(own.name)) return void outgoing.end();
  for (const each of others) {
    response.removeListener("finish", each as () => void);
  }
  outgoing.end();
  for (const member of ENDS) {
    Object.defineProperty(response, member, { value: false });
  }
}

/** What is written, or undefined when only the stream itself understands it. */
function pieceOf([chunk, encoding]: readonly unknown[]): Piece | undefined {
  if (typeof chunk !== "string") {
    return chunk instanceof Uint8Array ? chunk : undefined;
  }
  // Positions in other encodings are none in the text.
  return typeof encoding !== "string" ||
      /^(utf-?8|latin1|ascii)$/i.test(encoding)
    ? chunk
    : undefined;
}

/** What only a response has. */
type Head = Pick<ServerResponse, "setHeader" | "writeHead" | "flushHeaders">;

/**
 * Has an ended response or stream take what the program still writes, which
 * would be an error that ends the process.
 */
export function discard(outgoing: Outgoing): void {
  const drop = (given: readonly unknown[]): void => {
    const callback = given.findLast((each) => typeof each === "function");
    if (callback !== undefined) queueMicrotask(callback as () => void);
  };
  // False: a loop that writes until it has to wait must come to its end.
  outgoing.write = (...given) => (drop(given), false);
  outgoing.end = (...given) => (drop(given), outgoing);
  const head = outgoing as Outgoing & Partial<Head>;
  if (head.writeHead === undefined) return;
  head.writeHead = () => outgoing as unknown as ServerResponse;
  head.setHeader = () => outgoing as unknown as ServerResponse;
  head.flushHeaders = () => {};
}

/** A field of the head that a response was begun with, or undefined before that. */
export function fieldOf(response: ServerResponse, name: string): unknown {
  if (!response.headersSent) return undefined;
  const set = response.getHeader(name);
  if (set !== undefined) return set;
  // What is given to writeHead() alone is kept as text only. Undocumented;
  // seen on Node 22.12 and 26.10 and Deno 2.9.5; Bun 1.4.4 tells both above.
  const { _header } = response as ServerResponse & {
    readonly _header?: unknown;
  };
  return typeof _header === "string"
    ? new RegExp(`^${name}:(.*)$`, "im").exec(_header)?.[1]?.trim()
    : undefined;
}

/**
 * True for a response that what is written to it is the coded body of: a
 * middleware that compresses sits on the object, and is given what is not.
 */
export function writesCoded(response: ServerResponse): boolean {
  return !Object.hasOwn(response, "write") &&
    isCoded(fieldOf(response, "content-encoding"));
}
