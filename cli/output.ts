/**
 * Where the log goes, written so that it can never harm the pool: a reader that
 * is gone, a full disk or a pipe that nobody reads cost lines, which are counted
 * and told when there is room again.
 *
 * @module
 */

import {
  constants,
  fstatSync,
  openSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import process from "node:process";
import { codeOf, messageOf } from "../core/errors.ts";

/** Lines that could not be written. */
export interface Loss {
  /** How many. */
  readonly lines: number;
  /** Why: the code of the system's error, or `slow` for a slow reader. */
  readonly reason: string;
}

/** Something that can be written to. */
export interface Output {
  /** True for a terminal. */
  readonly isTTY?: boolean;
  /** True for the journal of systemd, which adds the time itself. */
  readonly isJournal?: boolean;
  /** How many columns a terminal has now. */
  columns?(): number | undefined;
  /** Writes a text. */
  write(text: string): unknown;
  /** Resolves when all is written, or nothing more of it can be. */
  flushed?(): Promise<void>;
  /** How lost lines are told in their place, where the output may lose any. */
  explain?(loss: Loss): string;
  /** Called when writing fails that did not fail before. */
  onFailure?(reason: string): void;
}

/** The most that waits for its reader, in bytes. */
export const MAX_WAITING: number = 4 * 1024 * 1024;

/**
 * PIPE_BUF of Linux (pipe(7)): so much is written as a whole or not at all. Of
 * anything longer Deno 2.9.5 does not tell how much was written.
 */
const ATOMIC = 4096;

/** How long is waited for room, in ms: more each time that there is none. */
const WAIT = { first: 5, longest: 100 } as const;

/** Without progress for so long the rest is given up at the end, in ms. */
const LAST_WAIT = 1000;

/** What takes bytes: returns how many it took, or throws what went wrong. */
export type Sink = (bytes: Uint8Array) => number | Promise<number>;

/** What is at the other end. */
type Kind = Required<Pick<Output, "isTTY" | "isJournal">>;

const encoder = new TextEncoder();

/** Text on its way. */
interface Piece {
  bytes: Uint8Array;
  /** How many lines are told as lost by it: it is none of those itself. */
  readonly tells: number;
}

/** An output that never throws and never waits. */
export class SafeOutput implements Output {
  readonly isTTY: boolean;
  readonly isJournal: boolean;
  /** Asked anew for each line: a window changes its size. */
  columns: () => number | undefined = () => undefined;
  /** Set by whoever knows the form of the log. */
  explain: (loss: Loss) => string = ({ lines }) => `${lines} lines lost`;
  /** The same. */
  onFailure: (reason: string) => void = () => undefined;
  readonly #sink: Sink;
  readonly #waiting: Piece[] = [];
  #size = 0;
  #lost = 0;
  #reason = "";
  #writing = false;
  #failing = false;
  /** True when what was written last did not end with its line. */
  #midLine = false;
  #progress = 0;
  #idle: (() => void)[] = [];

  /** Makes an output. */
  constructor(sink: Sink, { isTTY, isJournal }: Partial<Kind> = {}) {
    this.#sink = sink;
    this.isTTY = isTTY ?? false;
    this.isJournal = isJournal ?? false;
  }

  /** Writes a text, or counts its lines as lost. */
  write(text: string): void {
    const bytes = encoder.encode(text);
    if (this.#size + bytes.length > MAX_WAITING) {
      this.#lost += linesIn(bytes);
      this.#reason = "slow";
      return;
    }
    if (this.#size === 0) this.#tellLoss();
    this.#put({ bytes, tells: 0 });
    if (!this.#writing) void this.#pump();
  }

  /** Resolves when all is written, or nothing more of it can be. */
  async flushed(): Promise<void> {
    for (let before = -1; this.#writing && before !== this.#progress;) {
      before = this.#progress;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LAST_WAIT);
        this.#idle.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #put(piece: Piece): void {
    this.#size += piece.bytes.length;
    const last = this.#waiting.at(-1);
    // The first one may be with the sink.
    if (
      last !== undefined && last !== this.#waiting[0] &&
      piece.tells + last.tells === 0 &&
      last.bytes.length + piece.bytes.length <= ATOMIC
    ) {
      const both = new Uint8Array(last.bytes.length + piece.bytes.length);
      both.set(last.bytes);
      both.set(piece.bytes, last.bytes.length);
      last.bytes = both;
    } else this.#waiting.push(piece);
  }

  #tellLoss(): void {
    if (this.#lost === 0) return;
    const loss = { lines: this.#lost, reason: this.#reason };
    const text = `${this.#midLine ? "\n" : ""}${this.explain(loss)}\n`;
    const bytes = encoder.encode(text);
    this.#put({ bytes, tells: this.#lost });
  }

  /** Writes what waits, at once as far as that goes. */
  async #pump(): Promise<void> {
    this.#writing = true;
    let wait: number = WAIT.first;
    for (let piece; (piece = this.#waiting[0]) !== undefined;) {
      try {
        const taken = this.#sink(piece.bytes.subarray(0, ATOMIC));
        const count = typeof taken === "number" ? taken : await taken;
        this.#took(piece, count);
        wait = WAIT.first;
      } catch (error) {
        if (codeOf(error) === "EAGAIN") {
          await new Promise((resolve) => setTimeout(resolve, wait));
          wait = Math.min(wait * 2, WAIT.longest);
        } else this.#fail(codeOf(error) ?? messageOf(error));
      }
    }
    this.#writing = false;
    for (const tell of this.#idle.splice(0)) tell();
  }

  #took(piece: Piece, count: number): void {
    this.#size -= count;
    this.#progress += count;
    this.#failing = false;
    this.#midLine = piece.bytes[count - 1] !== NEWLINE;
    piece.bytes = piece.bytes.subarray(count);
    if (piece.bytes.length > 0) return;
    this.#waiting.shift();
    this.#lost -= piece.tells;
    if (this.#size === 0) this.#tellLoss();
  }

  /** All that waits is lost; the next text is the next attempt. */
  #fail(reason: string): void {
    const tell = !this.#failing;
    this.#failing = true;
    this.#reason = reason;
    for (const { bytes, tells } of this.#waiting.splice(0)) {
      if (tells === 0) this.#lost += linesIn(bytes);
    }
    this.#size = 0;
    if (tell) this.onFailure(reason);
  }
}

const NEWLINE = 10;

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = 0; (at = bytes.indexOf(NEWLINE, at) + 1) > 0;) lines++;
  return lines;
}

/** Never waits, and makes no terminal the process' own (open(2)). */
const WITHOUT_WAITING = constants.O_WRONLY | constants.O_NONBLOCK |
  constants.O_NOCTTY;

/**
 * This process' standard output and standard error: one and the same where both
 * are the same file, so that no line comes into the middle of another one.
 */
export function standardOutputs(): {
  readonly stdout: SafeOutput;
  readonly stderr: SafeOutput;
} {
  const stderr = standardOutput(2);
  return { stdout: isSameFile() ? stderr : standardOutput(1), stderr };
}

function isSameFile(): boolean {
  try {
    const [one, two] = [1, 2].map((fd) => statSync(`/proc/self/fd/${fd}`));
    return one!.ino === two!.ino && one!.dev === two!.dev;
  } catch {
    return false;
  }
}

function standardOutput(fd: 1 | 2): SafeOutput {
  const place = `/proc/self/fd/${fd}`;
  const stream = fd === 1 ? "stdout" : "stderr";
  try {
    const stats = statSync(place);
    // A file does not make anybody wait, and where in it is to be written is
    // the matter of whoever opened it.
    if (stats.isFile()) return new SafeOutput((bytes) => writeSync(fd, bytes));
    if (stats.isFIFO() || stats.isCharacterDevice()) {
      // O_NONBLOCK belongs to the open file description, which is not this
      // process' alone: so another one is opened.
      const own = openSync(place, WITHOUT_WAITING);
      const isTTY = isTerminal(fd, stats);
      const output = new SafeOutput(
        (bytes) => writeSync(own, bytes),
        { isTTY, isJournal: isJournal(fd) },
      );
      if (isTTY) output.columns = () => process[stream].columns;
      return output;
    }
  } catch {
    // No Linux, or the file is another user's.
  }
  return new SafeOutput(streamSink(stream), {
    isTTY: process[stream].isTTY,
    isJournal: isJournal(fd),
  });
}

/** `/dev/null` and its kin (Documentation/admin-guide/devices.txt of Linux). */
const MEMORY_DEVICES = 1;

/**
 * A pipe or `/dev/null` is not looked at by `node:tty`, which loads `node:net`: a
 * tenth of the CPU of a supervisor's start on Bun 1.4.4.
 */
function isTerminal(fd: number, stats: Stats): boolean {
  // By the major number of the device (makedev(3)).
  return stats.isCharacterDevice() &&
    ((stats.rdev >> 8) & 0xfff) !== MEMORY_DEVICES &&
    process.getBuiltinModule("node:tty").isatty(fd);
}

/**
 * True where a service's output is the journal's: `JOURNAL_STREAM` names the
 * device and the inode of its socket (systemd.exec(5)), and is inherited by who
 * writes elsewhere.
 */
function isJournal(fd: 1 | 2): boolean {
  try {
    const { JOURNAL_STREAM } = process.env;
    if (JOURNAL_STREAM === undefined) return false;
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** A socket cannot be opened again: by the runtime's own means. */
function streamSink(name: "stdout" | "stderr"): Sink {
  // Not by `process` on Deno 2.9.5, which waits for the reader.
  if (process.versions["deno"] !== undefined) {
    return (bytes) => Deno[name].write(bytes);
  }
  const stream = process[name];
  // What fails is told to the callback.
  stream.on("error", () => undefined);
  return (bytes) =>
    new Promise((resolve, reject) => {
      stream.write(bytes, (error) => {
        if (error) reject(error);
        else resolve(bytes.length);
      });
    });
}
