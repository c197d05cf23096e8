/**
 * Where one event of an event stream ends and the next begins.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/**
 * Two ends of lines, the second of which ends an empty line: what dispatches an
 * event (WHATWG HTML §9.2.6). A line ends with CR LF, LF or CR.
 */
const BLANK = "(?:\\r\\n|\\n|\\r(?!\\n))(?:\\r\\n|\\n|\\r)";
const AT_END: RegExp = new RegExp(`${BLANK}$`);
const ANYWHERE: RegExp = new RegExp(BLANK, "g");

/**
 * What a flush of gzip or deflate ends with, an empty block that is stored (RFC
 * 1951 §3.2.4; Z_SYNC_FLUSH of zlib): who codes events flushes whole ones.
 */
const FLUSHED = /\0\0\xff\xff$/;

/** The longest run of bytes that {@linkcode BLANK} and {@linkcode FLUSHED} can match. */
const LONGEST = 4;

/** A piece of a body. Text stands for its UTF-8 bytes. */
export type Piece = string | Uint8Array;

/** Follows an event stream piece by piece. */
export interface Boundary {
  /** True when what was passed so far ends with a whole event. */
  readonly between: boolean;
  /** Goes past a piece. */
  pass(piece: Piece): void;
  /** Where the last event that ends in the next piece does, if any does. */
  find(piece: Piece): number | undefined;
}

/**
 * Follows a stream from here on.
 *
 * @param between whether it is between two events now
 * @param coded whether it is compressed: what looks like two ends of lines is none
 */
export function followEvents(between: boolean, coded = false): Boundary {
  const atEnd = coded ? FLUSHED : AT_END;
  let tail = "";
  return {
    get between() {
      return between;
    },
    pass(piece) {
      if (piece.length === 0) return;
      tail = (tail + charactersOf(piece.slice(-LONGEST))).slice(-LONGEST);
      between = atEnd.test(tail);
    },
    find(piece) {
      if (coded) {
        return atEnd.test(tail + charactersOf(piece.slice(-LONGEST)))
          ? piece.length
          : undefined;
      }
      let end: number | undefined;
      for (const match of (tail + charactersOf(piece)).matchAll(ANYWHERE)) {
        const at = match.index + match[0].length - tail.length;
        if (at > 0) end = at;
      }
      return end;
    },
  };
}

/** One character per unit of the piece, so that positions are the same. */
function charactersOf(piece: Piece): string {
  if (typeof piece === "string") return piece;
  const { buffer, byteOffset, byteLength } = piece;
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

/** True for the media type of event streams, whatever its parameters. */
export function isEventStream(contentType: unknown): boolean {
  return typeof contentType === "string" &&
    /^\s*text\/event-stream\s*(?:;|$)/i.test(contentType);
}

/** True for a `Content-Encoding` that changes the bytes (RFC 9110 §8.4). */
export function isCoded(contentEncoding: unknown): boolean {
  return typeof contentEncoding === "string" &&
    !/^\s*(?:identity\s*)?$/i.test(contentEncoding);
}

/**
 * How long an event stream that has to end but is not known to be between two
 * events may be silent, in ms, until it counts as being there: a program
 * writes an event in one go.
 */
export const SILENCE_MS = 500;
