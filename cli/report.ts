/**
 * Tells on the terminal or in a log what a pool does.
 *
 * @module
 */

import type { PoolEvent } from "../core/events.ts";
import type { PoolCore } from "../core/pool.ts";
import type { KeptLog } from "../core/control/log.ts";
import { LogFile } from "./log_file.ts";
import { type Happened, happenedIn, isTold, lineOf } from "./log_line.ts";
import type { LogOptions } from "./log_options.ts";
import type { Output } from "./output.ts";
import { LogOutput } from "./log_output.ts";
import { programOutput, reopen } from "./program_output.ts";
import { createProgress } from "./progress.ts";

/** What the log is written to. */
export interface ReportIO {
  /** What workers write to their stdout. */
  readonly stdout: Output;
  /** The log, and what workers write to their stderr. */
  readonly stderr: Output;
  /** Where the last lines are kept. */
  readonly kept: KeptLog;
  /** The name that the pool was given, for files. */
  readonly given?: string | undefined;
  /** A variable of this process' environment. */
  variable(name: string): string | undefined;
}

/**
 * Follows the events of a pool and writes them down until it has ended.
 *
 * @param name of the pool, where it is one of several
 * @throws {PreforkError} `ERR_LOG_FILE` when a file cannot be opened
 */
export function createReporter(
  pool: PoolCore,
  { form, time, programs, file }: LogOptions,
  { stdout, stderr, kept, given, variable }: ReportIO,
  name?: string,
): { follow(): Promise<void> } {
  const events = pool.events();
  const outputOf = (output: Output): LogOutput =>
    new LogOutput(output, time, kept, variable);
  const logFile = file === undefined
    ? undefined
    : new LogFile(file, "--log-file");
  const io = { stdout: outputOf(stdout), stderr: outputOf(stderr) };
  const log = logFile === undefined ? io.stderr : outputOf(logFile.output);
  const isLive = form === "text" && log.output.isTTY === true &&
    variable("TERM") !== "dumb" && name === undefined;
  const progress = createProgress(isLive ? stderr : undefined);
  const lineFor = (what: string, fields: Record<string, unknown>): string =>
    (form === "text" ? log.stamp() : "") + lineOf(form, what, fields);
  const warn = (message: string, to = log): void =>
    to.line(lineFor("warning", { message }));
  const lost = (what: string, reason: string): string =>
    `${what} cannot be written (${reason}), the pool goes on without it`;

  kept.explain = (lines) => lineFor("log-missed", { lines });
  for (const stream of ["stdout", "stderr"] as const) {
    io[stream].output.explain = (loss) =>
      lineFor("output-lost", { stream, ...loss });
  }
  // Where both are the same file there is nobody left to tell.
  if (stdout !== stderr) {
    stdout.onFailure = (reason) => warn(lost("stdout", reason));
  }
  const ownFile = (opened: LogFile, tellTo: LogOutput): Output => {
    const { output, path } = opened;
    output.explain = (loss) => lineFor("output-lost", { file: path, ...loss });
    output.onFailure = (reason) => warn(lost(`"${path}"`, reason), tellTo);
    return output;
  };
  if (logFile !== undefined) ownFile(logFile, io.stderr);
  const output = programOutput(programs, form === "json", {
    ...io,
    ...{ log, name, given, warn },
    open: (opened) => outputOf(ownFile(opened, log)),
  });

  function tell(event: PoolEvent): void {
    if (event.type === "worker-output") {
      progress.clear();
      output.write(event);
      return progress.show(event, pool);
    }
    output.flush();
    progress.clear();
    const happened = event.type === "logs-reopening"
      ? reopened(event)
      : happenedIn(event, pool, name);
    if (form === "json") {
      log.line(lineOf("json", happened.what, happened.fields));
    } else if (isTold(event)) log.event(happened);
    progress.show(event, pool);
  }

  /** Before it is told, so that the line is in the new file. */
  function reopened(event: PoolEvent): Happened {
    if (logFile !== undefined) reopen(logFile, warn);
    const files = output.reopen() + (logFile === undefined ? 0 : 1);
    const { fields } = happenedIn(event, pool, name);
    return { what: "logs-reopened", fields: { ...fields, files } };
  }

  return {
    async follow() {
      for await (const event of events) tell(event);
      output.flush();
      progress.clear();
    },
  };
}
