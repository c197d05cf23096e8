/**
 * What has happened in a pool, counted: by its events, and so from the start of
 * the supervisor on.
 *
 * @module
 */

import type { PoolEvent } from "../events.ts";
import type { ExitReason } from "../supervise/state.ts";

/** So that a series is there before the first time. */
const REASONS: Readonly<Record<ExitReason, 0>> = {
  "boot-failed": 0,
  "crashed": 0,
  "ended": 0,
  "drained": 0,
  "recycled": 0,
  "crashed-draining": 0,
  "oom": 0,
  "deaf": 0,
  "hung": 0,
  "killed": 0,
};

/** The counts. */
export class Counters {
  /** Workers that were started. */
  starts = 0;
  /** Workers that were taken as hung. */
  hangs = 0;
  /** How many have ended, by the reason. */
  readonly exits: Map<string, number> = new Map(Object.entries(REASONS));
  /** Reloads that are over, by what came of them. */
  readonly reloads: Map<string, number> = new Map([
    ["finished", 0],
    ["failed", 0],
    ["mixed", 0],
  ]);
  /** Clients that were told to come again, by the listener. */
  readonly declined: Map<string, number> = new Map();

  /** Hears of an event. */
  hear(event: PoolEvent): void {
    switch (event.type) {
      case "worker-started":
        this.starts++;
        break;
      case "worker-hung":
        this.hangs++;
        break;
      case "worker-exited":
        add(this.exits, event.reason, 1);
        break;
      case "reload-finished":
        add(this.reloads, "finished", 1);
        break;
      case "reload-failed":
        add(this.reloads, event.state, 1);
        break;
      case "listener-up":
        add(this.declined, event.name, event.answered);
        break;
    }
  }
}

/** Adds to what is there, or to nothing. */
function add<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
