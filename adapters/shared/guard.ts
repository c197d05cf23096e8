/**
 * The callbacks of a spawn plan, silent after the exit has been reported:
 * "exactly once, after the last line" must hold even when a grandchild goes on
 * writing.
 *
 * @module
 */

import type { SpawnPlan } from "../../core/adapter.ts";

/** The callbacks of a plan. */
export type Callbacks = Pick<
  SpawnPlan,
  "onLine" | "onMessage" | "onConnection" | "onNoise" | "onEnding" | "onExit"
>;

/** Wraps the callbacks of a plan. */
export function guarded(plan: SpawnPlan): Required<Callbacks> {
  let over = false;
  return {
    onLine: (stream, line) => {
      if (!over) plan.onLine(stream, line);
    },
    onMessage: (message) => {
      if (!over) plan.onMessage(message);
    },
    onConnection: (message, connection) => {
      if (over) connection.close();
      else plan.onConnection(message, connection);
    },
    onNoise: (problem) => {
      if (!over) plan.onNoise(problem);
    },
    onEnding: () => {
      if (!over) plan.onEnding?.();
    },
    onExit: (status, cpu) => {
      if (over) return;
      over = true;
      plan.onExit(status, cpu);
    },
  };
}
