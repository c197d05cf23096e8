/**
 * A worker's output, line by line.
 *
 * @module
 */

import { Turn } from "./turn.ts";

/**
 * The longest line that is handed out whole, in UTF-16 units, of which no line
 * of 1 MiB has more. The rest of a longer one is left out: a program without
 * ends of lines must not fill the memory.
 */
export const MAX_LINE: number = 1024 * 1024;

/** What stands in the place of the rest. */
export const CUT = " [cut: the line is longer than 1 MiB]";

/**
 * So many bytes of output are split at once, so that few lines are handed out
 * before somebody counts them.
 */
const SLICE = 1024;

/** Splits bytes into lines. */
export interface LineSplitter {
  /** Takes the next bytes; returns how many lines it has handed out. */
  push(bytes: Uint8Array): number;
  /** Hands out what came after the last end of line. */
  end(): void;
}

/** Makes a splitter; characters may be cut anywhere between two chunks. */
export function lineSplitter(onLine: (line: string) => void): LineSplitter {
  const decoder = new TextDecoder();
  let line = "";
  let isCut = false;
  let count = 0;
  const add = (piece: string): void => {
    if (isCut) return;
    line += piece;
    if (line.length <= MAX_LINE) return;
    onLine(line.slice(0, boundary(line)) + CUT);
    isCut = true;
  };
  const finish = (): void => {
    count++;
    if (!isCut) onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
    line = "";
    isCut = false;
  };
  const take = (text: string): void => {
    let at = 0;
    for (let end; (end = text.indexOf("\n", at)) >= 0; at = end + 1) {
      add(text.slice(at, end));
      finish();
    }
    add(text.slice(at));
  };
  return {
    push: (bytes) => {
      count = 0;
      take(decoder.decode(bytes, { stream: true }));
      return count;
    },
    end: () => {
      take(decoder.decode());
      if (line !== "") finish();
    },
  };
}

/** Where a line is cut: never inside a surrogate pair. */
function boundary(line: string): number {
  const last = line.charCodeAt(MAX_LINE - 1);
  return last >= 0xd800 && last < 0xdc00 ? MAX_LINE - 1 : MAX_LINE;
}

/** What is being read: ends on its own, and can be given up before that. */
export interface Reading {
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
  /** Gives up. */
  cancel(): void;
}

/** A stream of a runtime: what it gives, and how it is given up. */
export interface ByteSource {
  /** The next bytes; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Gives up. */
  cancel(): void;
}

/** Reads a stream to its end, line by line, and never more than others can wait for. */
export function readLines(
  { next, cancel }: ByteSource,
  onLine: (line: string) => void,
): Reading {
  const splitter = lineSplitter(onLine);
  const turn = new Turn();
  const pump = async (): Promise<void> => {
    try {
      for (let bytes; (bytes = await next()) !== undefined;) {
        for (let at = 0; at < bytes.length; at += SLICE) {
          const lines = splitter.push(bytes.subarray(at, at + SLICE));
          if (turn.take(lines + 1)) await turn.next();
        }
      }
    } catch {
      // A broken pipe ends the output as a closed one does.
    }
    splitter.end();
  };
  return { ended: pump(), cancel };
}
