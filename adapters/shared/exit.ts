/**
 * When a worker is over: its process has been reaped and everything that it
 * wrote before has been read.
 *
 * @module
 */

import type { ExitStatus } from "../../core/adapter.ts";
import type { Reading } from "./lines.ts";
import { TICK_MS } from "./look.ts";
import { statOf } from "./proc.ts";
import { type LivingProcesses, processes } from "./processes.ts";

/**
 * How long to wait for the output of a dead worker, in milliseconds: a process
 * that it started itself may keep the pipes open for ever.
 */
const PATIENCE = 1000;

/** What was seen of a process that has come to its end. */
export interface Ending {
  /** The CPU that it has used, in ms, where it was seen before it was reaped. */
  readonly cpu: number | undefined;
}

/**
 * Reports that a process is ending as soon as its channel has: the kernel closes
 * its files some ms before there is a status. A channel may also be closed by
 * the program, so it is looked whether that has been left.
 */
export function announceEnding(
  pid: number,
  channel: Reading,
  onEnding: () => void,
): Ending {
  // Otherwise a process that cannot be seen would be one that is gone.
  const isSeen = statOf(pid) !== undefined;
  const ending: { cpu: number | undefined } = { cpu: undefined };
  void channel.ended.then(() => {
    const { exiting = true, cpu } = statOf(pid) ?? {};
    if (!exiting) return;
    ending.cpu = cpu && cpu * TICK_MS;
    if (isSeen) onEnding();
  });
  return ending;
}

/** How often it is looked whether a process group is empty, in ms. */
const LOOK = 50;

/**
 * Waits until nothing is left of a process group whose first process has ended.
 * Its number is that process' and nobody else's until then.
 *
 * @param onLeft told when there is something; without it nobody waits
 */
export async function emptied(
  group: number,
  onLeft: (() => void) | undefined,
  among: Pick<LivingProcesses, "ofGroup" | "ofThose"> = processes,
): Promise<void> {
  if (onLeft === undefined) return;
  let left = among.ofGroup(group);
  if (left.length > 0) onLeft();
  while (left.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    left = among.ofThose(left);
    // They may have started others.
    if (left.length === 0) left = among.ofGroup(group);
  }
}

/** Reports the end once, after the last line and the last message. */
export async function settle(
  status: ExitStatus,
  readings: readonly Reading[],
  report: (status: ExitStatus) => void,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([
    Promise.all(readings.map((each) => each.ended)),
    new Promise((done) => timer = setTimeout(done, PATIENCE)),
  ]);
  clearTimeout(timer);
  for (const each of readings) each.cancel();
  report(status);
}
