/** Rows of the scoreboard for tests. */
import type { ScoreboardRow } from "../../core/balance/scoreboard.ts";

/** The row of a worker that serves, takes and is idle, unless it says more. */
export function rowOf(more: Partial<ScoreboardRow> = {}): ScoreboardRow {
  return {
    beat: Date.now(),
    serving: true,
    takes: true,
    open: 0,
    busy: 0,
    ended: 0,
    recent: 0,
    weight: 1,
    accepted: 0,
    passedOn: 0,
    takenOver: 0,
    kept: 0,
    counts: false,
    requests: 0,
    lag: 0,
    moved: 0,
    ...more,
  };
}
