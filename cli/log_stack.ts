/**
 * Lines of a program that belong together, as those of a stack trace do.
 *
 * @module
 */

import type { PoolEvent } from "../core/events.ts";

/** A line of a program. */
export type ProgramLine = Extract<PoolEvent, { type: "worker-output" }>;

/** A line is held for so long at most, in ms: what is written at once comes at once. */
const HELD_MS = 20;

/** So many belong together at most, in lines and in UTF-16 units. */
const MAX = { lines: 500, units: 64 * 1024 } as const;

/**
 * What continues the line before: anything that is indented, V8's `at` and
 * Java's `Caused by:` where they are not, and the bracket that closes an object
 * which was printed.
 */
const CONTINUES = /^(?:[ \t]+\S|at \S|Caused by: |[}\])]+[;,]?$)/;

/** Python's trace ends with the error, which is not indented. */
const PYTHON = "Traceback (most recent call last):";

/** Lines that are held, of one stream of a worker. */
interface Held {
  readonly first: ProgramLine;
  readonly lines: string[];
  units: number;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Puts lines together that belong together. */
export class StackLines {
  readonly #put: (first: ProgramLine, text: string) => void;
  readonly #held = new Map<string, Held>();

  /** @param put takes what belongs together, with its first line */
  constructor(put: (first: ProgramLine, text: string) => void) {
    this.#put = put;
  }

  /** Takes a line. */
  push(line: ProgramLine): void {
    const key = keyOf(line);
    const held = this.#held.get(key);
    if (held !== undefined && CONTINUES.test(line.line)) {
      add(held, line);
      const isFull = held.lines.length >= MAX.lines || held.units >= MAX.units;
      if (isFull) this.#flush(key);
      return;
    }
    if (
      held?.first.line === PYTHON && held.lines.length > 1 && line.line !== ""
    ) {
      add(held, line);
      return this.#flush(key);
    }
    this.#flush(key);
    const timer = setTimeout(() => this.#flush(key), HELD_MS);
    const { length: units } = line.line;
    this.#held.set(key, { first: line, lines: [line.line], units, timer });
  }

  /** What comes next of this stream belongs to nothing before it. */
  end(line: ProgramLine): void {
    this.#flush(keyOf(line));
  }

  /** Holds nothing any more. */
  flush(): void {
    for (const key of [...this.#held.keys()]) this.#flush(key);
  }

  #flush(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    clearTimeout(held.timer);
    this.#held.delete(key);
    this.#put(held.first, held.lines.join("\n"));
  }
}

function keyOf({ pid, stream }: ProgramLine): string {
  return `${pid} ${stream}`;
}

function add(held: Held, { line }: ProgramLine): void {
  held.lines.push(line);
  held.units += line.length;
}
