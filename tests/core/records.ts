/** Records of the scoreboard for tests. */
import type { ScoreRecord } from "../../core/balance/scoreboard.ts";

/** The record of a worker that serves, takes and is idle, unless it says more. */
export function recordOf(more: Partial<ScoreRecord> = {}): ScoreRecord {
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
    ...more,
  };
}
