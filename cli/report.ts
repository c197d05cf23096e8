/**
 * Tells on the terminal or in a log what a pool does.
 *
 * @module
 */

import type { PoolEvent } from "../core/events.ts";
import type { PoolCore } from "../core/pool.ts";
import { hasColour, inColour, type Look, shown, toneOf } from "./log_colour.ts";
import { happenedIn, isTold, lineOf, wordsOf } from "./log_line.ts";
import type { LogOptions } from "./log_options.ts";
import { type Stamp, stampFor } from "./log_time.ts";
import type { Output } from "./output.ts";
import { createProgress } from "./progress.ts";

/** What the log is written to. */
export interface ReportIO {
  /** What workers write to their stdout. */
  readonly stdout: Output;
  /** The log, and what workers write to their stderr. */
  readonly stderr: Output;
  /** A variable of this process' environment. */
  variable(name: string): string | undefined;
}

/**
 * Follows the events of a pool and writes them down until it has ended.
 *
 * @param name of the pool, where it is one of several
 */
export function createReporter(
  pool: PoolCore,
  { form, time }: LogOptions,
  { stdout, stderr, variable }: ReportIO,
  name?: string,
): { follow(): Promise<void> } {
  const events = pool.events();
  const io = {
    stdout: new Page(stdout, stampFor(time, stdout), variable),
    stderr: new Page(stderr, stampFor(time, stderr), variable),
  };
  const hasProgress = form === "text" && stderr.isTTY === true &&
    variable("TERM") !== "dumb" && name === undefined;
  const progress = createProgress(hasProgress ? stderr : undefined);
  const tellOf = (what: string, fields: Record<string, unknown>): string =>
    (form === "text" ? io.stderr.stamp() : "") +
    lineOf(form, what, fields);

  for (const stream of ["stdout", "stderr"] as const) {
    io[stream].output.explain = (loss) =>
      tellOf("output-lost", { stream, ...loss });
  }
  // Where both are the same file there is nobody left to tell.
  if (stdout !== stderr) {
    stdout.onFailure = (reason) =>
      io.stderr.line(tellOf("warning", {
        message:
          `stdout cannot be written (${reason}), the pool goes on without it`,
      }));
  }

  function tell(event: PoolEvent): void {
    progress.clear();
    const happened = happenedIn(event, pool, name);
    const { what, fields } = happened;
    if (form === "json") io.stderr.line(lineOf("json", what, fields));
    else if (event.type === "worker-output") {
      const place = name === undefined ? "" : `${name} `;
      io[event.stream].program(`${place}${event.slot}`, event.line);
    } else if (isTold(event)) {
      const { stamp, look } = io.stderr;
      io.stderr.line(
        shown(stamp(), wordsOf(happened), toneOf(what, fields), look),
      );
    }
    progress.show(event, pool);
  }

  return {
    async follow() {
      for await (const event of events) tell(event);
      progress.clear();
    },
  };
}

/** An output, and how lines look there. */
class Page {
  readonly output: Output;
  readonly stamp: Stamp;
  readonly #colour: boolean;

  constructor(output: Output, stamp: Stamp, variable: ReportIO["variable"]) {
    this.output = output;
    this.stamp = stamp;
    this.#colour = hasColour(output, variable);
  }

  /** Only a terminal wraps: on a pipe one event is one line. */
  get look(): Look {
    const columns = this.output.isTTY ? this.output.columns?.() : undefined;
    return { colour: this.#colour, columns };
  }

  line(text: string): void {
    this.output.write(`${text}\n`);
  }

  /** A line of a program, and whose it is. */
  program(worker: string, line: string): void {
    const [stamp, prefix] = [this.stamp(), `[${worker}]`];
    this.line(
      this.#colour
        ? `${inColour(stamp, "faint")}${inColour(prefix, "slot")} ${line}`
        : `${stamp}${prefix} ${line}`,
    );
  }
}
