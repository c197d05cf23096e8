/**
 * A worker's output, line by line.
 *
 * @module
 */

/** The longest line in UTF-16 units; the rest goes on as the next line. */
export const MAX_LINE: number = 64 * 1024;

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
  let rest = "";
  const emit = (line: string): void => {
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    let at = 0;
    do {
      const end = boundary(text, at);
      onLine(text.slice(at, end));
      at = end;
    } while (at < text.length);
  };
  const take = (text: string): void => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(emit);
    while (rest.length > MAX_LINE) {
      const end = boundary(rest, 0);
      onLine(rest.slice(0, end));
      rest = rest.slice(end);
    }
  };
  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end: () => {
      take(decoder.decode());
      if (rest !== "") emit(rest);
      rest = "";
    },
  };
}

/** Where a piece that begins at `start` ends; never inside a surrogate pair. */
function boundary(text: string, start: number): number {
  const end = Math.min(start + MAX_LINE, text.length);
  const last = text.charCodeAt(end - 1);
  return end < text.length && last >= 0xd800 && last < 0xdc00 ? end - 1 : end;
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
