/**
 * The types of a pool's events, for whoever may misspell one.
 *
 * @module
 */

import type { PoolEvent } from "./events.ts";
import { insteadOf } from "./options/names.ts";

const NAMES: Readonly<Record<PoolEvent["type"], true>> = {
  listening: true,
  steering: true,
  program: true,
  learning: true,
  "files-changed": true,
  watching: true,
  "worker-started": true,
  "worker-ready": true,
  "worker-standby": true,
  "worker-promoted": true,
  "worker-draining": true,
  "worker-recycling": true,
  "worker-parked": true,
  "worker-quiesced": true,
  "worker-killed": true,
  "worker-hung": true,
  "worker-deaf": true,
  "worker-exited": true,
  "worker-respawning": true,
  "worker-status": true,
  "worker-output": true,
  "worker-message": true,
  "worker-noise": true,
  "shard-adopted": true,
  "shard-released": true,
  "logs-reopening": true,
  "control-opened": true,
  "control-off": true,
  "pool-ready": true,
  "pool-degraded": true,
  "pool-down": true,
  "listener-down": true,
  "listener-up": true,
  "pool-recovered": true,
  scaled: true,
  "reload-started": true,
  "reload-probation": true,
  "reload-rollback": true,
  "reload-finished": true,
  "reload-receipt": true,
  "reload-failed": true,
  "upgrade-started": true,
  "upgrade-finished": true,
  "upgrade-failed": true,
  kept: true,
  "taken-back": true,
  "taken-over": true,
  stopping: true,
  stopped: true,
  warning: true,
};

/**
 * Checks the type of events that somebody wants to listen to.
 *
 * @throws {TypeError} with the type that was meant, when there is no such
 */
export function checkEventName(type: string): void {
  if (Object.hasOwn(NAMES, type)) return;
  throw new TypeError(
    `Cannot listen to "${type}": there is no such event, ${
      insteadOf(String(type), Object.keys(NAMES))
    }`,
  );
}
