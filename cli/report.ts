/**
 * Tells on the terminal or in a log what a pool does.
 *
 * @module
 */

import type { PoolEvent } from "../core/events.ts";
import type { PoolCore } from "../core/pool.ts";
import type { KeptLog } from "../core/control/log.ts";
import { happenedIn, isTold, lineOf } from "./log_line.ts";
import type { LogOptions } from "./log_options.ts";
import type { Output } from "./output.ts";
import { LogOutput } from "./log_output.ts";
import { createProgress } from "./progress.ts";

/** What the log is written to. */
export interface ReportIO {
  /** What workers write to their stdout. */
  readonly stdout: Output;
  /** The log, and what workers write to their stderr. */
  readonly stderr: Output;
  /** Where the last lines are kept. */
  readonly kept: KeptLog;
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
  { stdout, stderr, kept, variable }: ReportIO,
  name?: string,
): { follow(): Promise<void> } {
  const events = pool.events();
  const outputOf = (output: Output): LogOutput =>
    new LogOutput(output, time, kept, variable);
  const io = { stdout: outputOf(stdout), stderr: outputOf(stderr) };
  const hasProgress = form === "text" && stderr.isTTY === true &&
    variable("TERM") !== "dumb" && name === undefined;
  const progress = createProgress(hasProgress ? stderr : undefined);
  const lineFor = (what: string, fields: Record<string, unknown>): string =>
    (form === "text" ? io.stderr.stamp() : "") + lineOf(form, what, fields);

  kept.explain = (lines) => lineFor("log-missed", { lines });
  for (const stream of ["stdout", "stderr"] as const) {
    io[stream].output.explain = (loss) =>
      lineFor("output-lost", { stream, ...loss });
  }
  // Where both are the same file there is nobody left to tell.
  if (stdout !== stderr) {
    stdout.onFailure = (reason) =>
      io.stderr.line(lineFor("warning", {
        message:
          `stdout cannot be written (${reason}), the pool goes on without it`,
      }));
  }

  function tell(event: PoolEvent): void {
    progress.clear();
    const happened = happenedIn(event, pool, name);
    if (form === "json") {
      io.stderr.line(lineOf("json", happened.what, happened.fields));
    } else if (event.type === "worker-output") {
      const place = name === undefined ? "" : `${name} `;
      io[event.stream].program(`${place}${event.slot}`, event.line);
    } else if (isTold(event)) io.stderr.event(happened);
    progress.show(event, pool);
  }

  return {
    async follow() {
      for await (const event of events) tell(event);
      progress.clear();
    },
  };
}
