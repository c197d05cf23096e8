/**
 * What a pool says of itself when asked: its status.
 *
 * @module
 */

import type { ReceiveBuffer } from "./adapter/accept_queue.ts";
import type { ShareMode } from "./adapter.ts";
import type { WorkerRuntime } from "./options/options.ts";
import type { SteerStatus } from "./options/steer.ts";
import type { ReloadStatus } from "./supervise/reload.ts";
import type { WorkerState } from "./supervise/state.ts";

/** What a pool is doing. */
export type PoolState =
  /** Made, not started. */
  | "new"
  /** Started, and not every worker has been ready yet. */
  | "starting"
  /** Every worker has been ready. */
  | "running"
  /** The same, and no worker is wanted any more: it serves nobody (SIGWINCH). */
  | "drained"
  /** Fewer workers than wanted serve, and replacing the others does not help. */
  | "degraded"
  /** No worker serves, and starting others does not help. */
  | "down"
  /** A reload is going on. */
  | "reloading"
  /** Another supervisor is being started, which is to succeed this one. */
  | "upgrading"
  /** Workers drain for good, or serve on until `drainDelay` has passed. */
  | "stopping"
  /** Nothing is left. */
  | "stopped";

/** Connections that wait in the kernel to be accepted. */
export interface QueueStatus {
  /** How many there are. */
  readonly length: number;
  /** How many there can be: the backlog, or what net.core.somaxconn leaves of it. */
  readonly limit: number;
}

/** A listener in a {@linkcode PoolStatus}. */
export interface ListenerStatus {
  /** Its name. */
  readonly name: string;
  /** Its real address. */
  readonly address: string;
  /** How it is shared. */
  readonly share: ShareMode;
  /**
   * Its accept queue, in `sharded` those of all shards together; undefined where
   * the kernel does not show it, and in `reuseport`, where each worker has one.
   */
  readonly queue?: QueueStatus | undefined;
  /**
   * Of UDP: what waits in its receive buffer, in `sharded` in those of all
   * shards; undefined where the kernel does not show it.
   */
  readonly buffer?: ReceiveBuffer | undefined;
}

/**
 * The load of a worker. What the workers of `balanced` say of themselves is as
 * old as their last row, at most 100 ms, and so it is in `sharded` where the
 * kernel chooses by load; elsewhere in `sharded`, and in `shared` and `reuseport`,
 * nobody counts connections, and requests are told once a second.
 */
export interface WorkerLoad {
  /** Its open connections, where somebody counts them. */
  readonly connections: number;
  /**
   * Connections that it has accepted and kept, in `balanced`; those it was
   * given, in `handoff`.
   */
  readonly accepted: number;
  /** In `balanced`: connections that it has passed on to others. */
  readonly passedOn: number;
  /** In `balanced`: connections that others have passed on to it. */
  readonly takenOver: number;
  /**
   * The part of the last second or so that its event loop was busy, from 0 to 1,
   * in `balanced`; undefined where it does not say.
   */
  readonly busy?: number | undefined;
  /**
   * Requests that its servers have begun; undefined where they cannot be counted
   * (`docs/METRICS.md` has the kinds of servers), and before the first one.
   */
  readonly requests?: number | undefined;
  /**
   * How late its event loop is: what 99 of 100 timers of the last minute were
   * late by at most, in milliseconds. Undefined where it does not say: it does
   * in `balanced`, and in the other modes from its first requests on.
   */
  readonly lag?: number | undefined;
}

/** A worker in a {@linkcode PoolStatus}. */
export interface WorkerStatus extends WorkerLoad {
  /** Its slot. */
  readonly slot: number;
  /** Its generation. */
  readonly generation: number;
  /** Its process id. */
  readonly pid: number;
  /** Where it is in its life. */
  readonly state: WorkerState;
  /** What runs it. */
  readonly runtime: WorkerRuntime;
  /** How long ago it was started, in milliseconds. */
  readonly age: number;
  /** How often its slot got a new worker after a crash. */
  readonly restarts: number;
  /** In `sharded`: the accept queue of its slot's shards. */
  readonly queue?: QueueStatus | undefined;
  /**
   * CPU that its process has used since its start, in milliseconds; undefined
   * where the system does not show it.
   */
  readonly cpu?: number | undefined;
  /** Its memory (resident set), in bytes; undefined where it is not shown. */
  readonly rss?: number | undefined;
  /**
   * What its program has said last of itself by `STATUS=` (sd_notify(3)), where
   * `readyNotify` has it heard, as one line.
   */
  readonly statusText?: string | undefined;
}

/** Who chooses among the shards of a pool, and how often that was made up for. */
export interface SteeringStatus extends SteerStatus {
  /** How often an idle worker was told to accept for one that was held up. */
  readonly helped: number;
}

/** A picture of a pool. */
export interface PoolStatus {
  /** What it is doing. */
  readonly state: PoolState;
  /**
   * The generation that the last reload brought that was finished, from 1. While
   * one goes on, and after one that is `mixed`, some slots have a later one:
   * `workers` says which.
   */
  readonly generation: number;
  /** How the last reload stands or has ended; undefined if there was none. */
  readonly reload: ReloadStatus | undefined;
  /** How many workers are wanted. */
  readonly wanted: number;
  /** How many are ready. */
  readonly ready: number;
  /** Its listeners; those that workers asked for come after its own. */
  readonly listeners: readonly ListenerStatus[];
  /** Who chooses the shard of a new connection, where there are shards of TCP. */
  readonly steering?: SteeringStatus | undefined;
  /** Its workers, by slot; those that leave come after those that serve. */
  readonly workers: readonly WorkerStatus[];
  /** Connections that wait here for a worker: in `handoff` for a free one. */
  readonly waiting: number;
}

/** What a stop left behind. */
export interface StopReport {
  /**
   * How many workers that were ready this stop has killed: at the drain
   * deadline, or at once if it was quick.
   */
  readonly killed: number;
}
