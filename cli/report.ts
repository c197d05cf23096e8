/**
 * Tells on the terminal or in a log what a pool does.
 *
 * @module
 */

import type { PoolEvent } from "../core/events.ts";
import type { PoolCore } from "../core/pool.ts";
import type { LogForm } from "./arguments.ts";
import { jsonLine, lineOf, readyLine, textLine } from "./log_line.ts";
import type { Output } from "./output.ts";
import { createProgress } from "./progress.ts";

/** Follows the events of a pool and writes them down until it has ended. */
export function createReporter(
  pool: PoolCore,
  form: LogForm,
  io: { readonly stdout: Output; readonly stderr: Output },
): { follow(): Promise<void> } {
  const events = pool.events();
  const progress = createProgress(
    form === "text" && io.stderr.isTTY === true ? io.stderr : undefined,
  );

  for (const stream of ["stdout", "stderr"] as const) {
    io[stream].explain = (loss) =>
      lineOf(form, "output-lost", { stream, ...loss });
  }
  // Where both are the same file there is nobody left to tell.
  if (io.stdout !== io.stderr) {
    io.stdout.onFailure = (reason) =>
      writeLine(
        io.stderr,
        lineOf(form, "warning", {
          message:
            `stdout cannot be written (${reason}), the pool goes on without it`,
        }),
      );
  }

  function tell(event: PoolEvent): void {
    progress.clear();
    if (form === "json") writeLine(io.stderr, jsonLine(event, pool));
    else if (event.type === "worker-output") {
      writeLine(io[event.stream], `[${event.slot}] ${event.line}`);
    } else writeLine(io.stderr, textLine(event));
    if (event.type === "pool-ready" && form === "text") {
      writeLine(io.stderr, readyLine(event, pool.status()));
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

function writeLine(output: Output, line: string | undefined): void {
  if (line !== undefined) output.write(`${line}\n`);
}
