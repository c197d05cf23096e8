/**
 * When a worker is over: its process has been reaped and everything that it
 * wrote before has been read.
 *
 * @module
 */

import type { ExitStatus } from "../../core/adapter.ts";
import type { Reading } from "./lines.ts";

/**
 * How long to wait for the output of a dead worker, in milliseconds: a process
 * that it started itself may keep the pipes open for ever.
 */
const PATIENCE = 1000;

/** Reports the end once, after the last line and the last message. */
export async function settle(
  status: ExitStatus,
  readings: readonly Reading[],
  onExit: (status: ExitStatus) => void,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([
    Promise.all(readings.map((each) => each.ended)),
    new Promise((done) => timer = setTimeout(done, PATIENCE)),
  ]);
  clearTimeout(timer);
  for (const each of readings) each.cancel();
  onExit(status);
}
