/**
 * The reading half of Node's IPC channel: newline-delimited JSON (lib/internal/
 * child_process/serialization.js of Node). A worker may write anything, so
 * nothing here throws and no line grows without a bound.
 *
 * @module
 */

/** The longest message in bytes; longer ones are dropped and reported. */
const MAX_FRAME: number = 1024 * 1024;

/** What a worker's runtime writes on its own. */
export interface InternalMessage {
  /** What it is; begins with "NODE_". */
  readonly cmd: string;
  /** Of a message with a handle: what the handle is. */
  readonly type?: unknown;
  /** Of a message with a handle: the message of the worker. */
  readonly msg?: unknown;
}

/** Where frames go. */
export interface FrameSink {
  /** A message of the worker. */
  onMessage(message: unknown): void;
  /** A message of the worker's runtime itself. */
  onInternal(message: InternalMessage): void;
  /** What came instead of a message. */
  onNoise(problem: string): void;
}

/**
 * Makes a function that takes the bytes as they arrive, and returns how many
 * lines have ended in them.
 */
export function frameReader(sink: FrameSink): (bytes: Uint8Array) => number {
  const decoder = new TextDecoder();
  let kept: Uint8Array[] = [];
  let size = 0;
  let dropping = false;
  const keep = (part: Uint8Array): void => {
    size += part.length;
    // Copied, because a runtime may reuse its read buffer.
    if (size <= MAX_FRAME) kept.push(part.slice());
    else if (!dropping) {
      dropping = true;
      kept = [];
      sink.onNoise(
        `a message is longer than ${MAX_FRAME} bytes, the rest of it is dropped`,
      );
    }
  };
  const finish = (part: Uint8Array): void => {
    if (kept.length > 0 || dropping || part.length > MAX_FRAME) {
      keep(part);
      if (!dropping) readFrame(decoder.decode(joined(kept, size)), sink);
      kept = [];
      size = 0;
      dropping = false;
    } else readFrame(decoder.decode(part), sink);
  };
  return (bytes) => {
    let start = 0;
    let lines = 0;
    for (;; lines++) {
      const end = bytes.indexOf(10, start);
      if (end < 0) break;
      finish(bytes.subarray(start, end));
      start = end + 1;
    }
    if (start < bytes.length) keep(bytes.subarray(start));
    return lines;
  };
}

function readFrame(line: string, sink: FrameSink): void {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    sink.onNoise(`a line is no JSON: ${shortened(line)}`);
    return;
  }
  const cmd = typeof message === "object" && message !== null
    ? (message as { cmd?: unknown }).cmd
    : undefined;
  // Node's own rule for what is not meant for the user.
  if (typeof cmd === "string" && /^NODE_./.test(cmd)) {
    sink.onInternal(message as InternalMessage);
  } else sink.onMessage(message);
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function shortened(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}..` : text);
}
