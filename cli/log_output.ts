/**
 * An output of the log: how lines look there, and that they are kept.
 *
 * @module
 */

import type { KeptLog } from "../core/control/log.ts";
import { hasColour, inColour, shown, toneOf } from "./log_colour.ts";
import { type Happened, wordsOf } from "./log_line.ts";
import { type LogTime, type Stamp, stampFor } from "./log_time.ts";
import type { Output } from "./output.ts";

/** An output with the look of its lines. */
export class LogOutput {
  readonly output: Output;
  /** The time in front of a line here. */
  readonly stamp: Stamp;
  readonly #kept: KeptLog;
  /** Whoever asks for a line later wants to know when it was. */
  readonly #keptStamp: Stamp;
  readonly #colour: boolean;
  /** True where a line is kept as it is written. */
  readonly #plain: boolean;

  /** @param variable a variable of this process' environment */
  constructor(
    output: Output,
    time: LogTime,
    kept: KeptLog,
    variable: (name: string) => string | undefined,
  ) {
    this.output = output;
    this.stamp = stampFor(time, output);
    this.#kept = kept;
    this.#keptStamp = stampFor(time, {});
    this.#colour = hasColour(output, variable);
    this.#plain = !this.#colour && output.isTTY !== true &&
      output.isJournal !== true;
  }

  /** Writes a line as it is. */
  line(text: string): void {
    this.#kept.push(text);
    this.output.write(`${text}\n`);
  }

  /** Writes what has happened. */
  event(happened: Happened): void {
    const { what, fields } = happened;
    const words = wordsOf(happened);
    // Only a terminal wraps: on a pipe one event is one line.
    const columns = this.output.isTTY ? this.output.columns?.() : undefined;
    this.#put(
      words.join(" "),
      () =>
        shown(this.stamp(), words, toneOf(what, fields), {
          colour: this.#colour,
          columns,
        }),
    );
  }

  /** Writes a line of a program as it is. */
  raw(worker: string, line: string): void {
    this.#keep(`[${worker}] ${line}`);
    this.output.write(`${line}\n`);
  }

  /** Writes a line of a program, and whose it is. */
  program(worker: string, line: string): void {
    this.#put(
      `[${worker}] ${line}`,
      () =>
        this.#colour
          ? `${inColour(this.stamp(), "faint")}${
            inColour(`[${worker}]`, "slot")
          } ${line}`
          : `${this.stamp()}[${worker}] ${line}`,
    );
  }

  #put(text: string, shown: () => string): void {
    const line = this.#keep(text);
    this.output.write(`${this.#plain ? line : shown()}\n`);
  }

  #keep(text: string): string {
    const line = this.#keptStamp() + text;
    this.#kept.push(line);
    return line;
  }
}
