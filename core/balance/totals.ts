/**
 * What workers had come to that are gone, by the slot that they filled: so that
 * a sum over all that a slot has had never falls.
 *
 * @module
 */

import type { WorkerLoad } from "../events.ts";

/** What is added up. */
export interface Totals
  extends Pick<WorkerLoad, "accepted" | "passedOn" | "takenOver" | "requests"> {
  /** The CPU that they have used, in ms, as far as it was seen. */
  readonly cpu: number | undefined;
}

/** Adds what a worker had come to. */
export function addTotals(
  gone: Map<number, Totals>,
  slot: number,
  { accepted, passedOn, takenOver, requests, cpu }: Totals,
): void {
  const before = gone.get(slot);
  gone.set(slot, {
    accepted: accepted + (before?.accepted ?? 0),
    passedOn: passedOn + (before?.passedOn ?? 0),
    takenOver: takenOver + (before?.takenOver ?? 0),
    requests: sumOfKnown([requests, before?.requests]),
    cpu: sumOfKnown([cpu, before?.cpu]),
  });
}

/** The sum of what is known; undefined where nothing is. */
export function sumOfKnown(
  numbers: readonly (number | undefined)[],
): number | undefined {
  return numbers.reduce(
    (a, b) => a === undefined || b === undefined ? a ?? b : a + b,
    undefined,
  );
}
