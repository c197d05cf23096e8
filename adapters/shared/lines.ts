/**
 * A worker's output, line by line.
 *
 * @module
 */

/**
 * The longest line that is handed out whole, in UTF-16 units, of which no line
 * of 1 MiB has more. The rest of a longer one is left out: a program without
 * ends of lines must not fill the memory.
 */
export const MAX_LINE: number = 1024 * 1024;

/** What stands in the place of the rest. */
export const CUT = " [cut: the line is longer than 1 MiB]";

/** Splits bytes into lines. */
export interface LineSplitter {
  /** Takes the next bytes. */
  push(bytes: Uint8Array): void;
  /** Hands out what came after the last end of line. */
  end(): void;
}

/** Makes a splitter; characters may be cut anywhere between two chunks. */
export function lineSplitter(onLine: (line: string) => void): LineSplitter {
  const decoder = new TextDecoder();
  let line = "";
  let isCut = false;
  const add = (piece: string): void => {
    if (isCut) return;
    line += piece;
    if (line.length <= MAX_LINE) return;
    onLine(line.slice(0, boundary(line)) + CUT);
    isCut = true;
  };
  const finish = (): void => {
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
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
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

/** Reads a web stream to its end, line by line. */
export function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Reading {
  const reader = stream.getReader();
  const splitter = lineSplitter(onLine);
  const pump = async (): Promise<void> => {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        splitter.push(value);
      }
    } catch {
      // A broken pipe ends the output as a closed one does.
    }
    splitter.end();
  };
  return {
    ended: pump(),
    cancel: () => void reader.cancel().catch(() => undefined),
  };
}
