/**
 * The last lines of the log, for whoever asks for them and for those that follow.
 *
 * @module
 */

import type { LineSource } from "./socket.ts";

/**
 * So much is kept, in lines and in UTF-16 units; the last line in any case,
 * which has 1 MiB at most.
 */
export const MAX_KEPT: { readonly lines: number; readonly units: number } = {
  lines: 1000,
  units: 2 * 1024 * 1024,
};

/** How much is handed out at once, in UTF-16 units. */
const CHUNK = 64 * 1024;

/** What a supervisor has written last. */
export class KeptLog {
  /** How a reader is told of lines that it has missed. */
  explain: (lines: number) => string = (lines) => `${lines} lines missed`;
  /** The lines that are kept; those before `#head` are let go. */
  readonly #lines: string[] = [];
  #head = 0;
  /** How many lines were let go. */
  #gone = 0;
  #units = 0;
  #closed = false;
  #waiting: (() => void)[] = [];
  readonly #open = new Set<LineSource>();
  #left: (() => void)[] = [];

  /** Keeps a line, and lets go of the oldest for it. */
  push(line: string): void {
    this.#lines.push(line);
    this.#units += line.length;
    while (
      this.#kept > 1 &&
      (this.#kept > MAX_KEPT.lines || this.#units > MAX_KEPT.units)
    ) {
      this.#units -= this.#lines[this.#head]!.length;
      this.#lines[this.#head++] = "";
      this.#gone++;
    }
    // Not one by one, which would move all the others each time.
    if (this.#head > MAX_KEPT.lines) {
      this.#lines.splice(0, this.#head);
      this.#head = 0;
    }
    this.#wake();
  }

  /**
   * Reads the last lines, and with `follow` those that come until it is closed.
   * A reader holds nothing but its place: one that is slow misses what is let go
   * meanwhile, and is told how much.
   */
  read(lines: number, follow: boolean): LineSource {
    const end = this.#gone + this.#kept;
    let at = end - Math.min(lines, this.#kept);
    let given = false;
    const source: LineSource = {
      next: async () => {
        while (
          follow && !given && !this.#closed && at === this.#gone + this.#kept
        ) {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
        if (given) return undefined;
        const missed = Math.max(0, this.#gone - at);
        at += missed;
        const last = follow ? Infinity : end;
        let text = missed > 0 ? `${this.explain(missed)}\n` : "";
        for (
          let line;
          at < last && text.length < CHUNK &&
          (line = this.#lines[this.#head + at - this.#gone]) !== undefined;
          at++
        ) text += `${line}\n`;
        return text === "" ? undefined : text;
      },
      close: () => {
        given = true;
        this.#open.delete(source);
        this.#wake();
        if (this.#open.size > 0) return;
        for (const tell of this.#left.splice(0)) tell();
      },
    };
    this.#open.add(source);
    return source;
  }

  /**
   * Ends what is followed, after the last line; resolves when nobody reads any
   * more.
   */
  close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    return this.#open.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#left.push(resolve));
  }

  get #kept(): number {
    return this.#lines.length - this.#head;
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
