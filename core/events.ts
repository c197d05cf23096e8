/**
 * What a pool tells about itself: its events, and its status when asked.
 *
 * @module
 */

import type { ShareMode } from "./adapter.ts";
import type { SteerStatus } from "./options/steer.ts";
import type { Evidence } from "./supervise/evidence.ts";
import type { Receipt } from "./balance/receipt.ts";
import type { WatchEvent } from "./watch/event.ts";
import type { ExitReason } from "./supervise/state.ts";

import type { WorkerStatus } from "./status_types.ts";

export type {
  ListenerStatus,
  PoolState,
  PoolStatus,
  QueueStatus,
  SteeringStatus,
  StopReport,
  WorkerLoad,
  WorkerStatus,
} from "./status_types.ts";

/** Which worker an event is about. */
export interface WorkerIdentity {
  /** The stable number of its place, from 0. */
  readonly slot: number;
  /** The generation it belongs to, from 1. */
  readonly generation: number;
  /** The process id. */
  readonly pid: number;
}

/** What changes nothing in a status that anybody waits for. */
export const TALK: ReadonlySet<PoolEvent["type"]> = new Set<PoolEvent["type"]>([
  "warning",
  "worker-message",
  "worker-noise",
  "worker-output",
  "worker-status",
]);

/** An event of a pool; `type` tells which. */
export type PoolEvent =
  /** A listener is bound, and how it is shared. */
  | {
    readonly type: "listening";
    readonly name: string;
    readonly address: string;
    readonly share: ShareMode;
    readonly reason: string;
  }
  /**
   * What chooses the shard of a new connection in `sharded`, and why that: see
   * the option `steer`.
   */
  | { readonly type: "steering" } & SteerStatus
  /**
   * How a program in another language is treated: how sockets reach it, what was
   * added to its arguments for that, what its configuration has to say, and which
   * signal asks it to leave. Of one file with a runtime, `executable`, which that
   * is and what that means for its `sockets`.
   */
  | {
    readonly type: "program";
    readonly name?: string | undefined;
    readonly executable?: "node" | "bun" | undefined;
    readonly sockets?: string | undefined;
    readonly pass: string;
    readonly added?: string | undefined;
    readonly settings?: string | undefined;
    readonly stop: string;
  }
  /**
   * The program was started to see where it listens, and not as a worker: its
   * generation is 0, and nobody connects to it.
   */
  | { readonly type: "learning"; readonly reason: string } & WorkerIdentity
  /** A worker process runs. */
  | { readonly type: "worker-started" } & WorkerIdentity
  /** A worker accepts, `ms` after its start, or after it was asked to again. */
  | { readonly type: "worker-ready"; readonly ms: number } & WorkerIdentity
  /**
   * A standby has loaded its program, `ms` after its start. Its slot is the
   * number that it was started with, beyond those of the pool.
   */
  | { readonly type: "worker-standby"; readonly ms: number } & WorkerIdentity
  /** A standby takes over a slot, and is about to be ready. */
  | { readonly type: "worker-promoted" } & WorkerIdentity
  /** A worker was asked to finish and leave, or does so on its own. */
  | { readonly type: "worker-draining" } & WorkerIdentity
  /** A worker has served enough and is being replaced, and why. */
  | { readonly type: "worker-recycling"; readonly why: string } & WorkerIdentity
  /**
   * Another worker has taken over from one: it accepts no more, finishes, and
   * waits in case the reload fails.
   */
  | { readonly type: "worker-parked" } & WorkerIdentity
  /** A worker stops accepting and stays, as a user wants. */
  | { readonly type: "worker-quiesced" } & WorkerIdentity
  /** A worker was sent SIGKILL, and why. */
  | { readonly type: "worker-killed"; readonly why: string } & WorkerIdentity
  /**
   * A worker has not answered for `silent` ms and is about to be killed; what it
   * was seen to do in the last `watched` of them, times in milliseconds and
   * memory in bytes.
   */
  | { readonly type: "worker-hung"; readonly silent: number }
    & Evidence
    & WorkerIdentity
  /**
   * A worker has accepted nothing for `idle` ms though `queued` connections wait
   * on a listener and its event loop turns; it is replaced.
   */
  | {
    readonly type: "worker-deaf";
    readonly listener: string;
    readonly queued: number;
    readonly idle: number;
    readonly why: string;
  } & WorkerIdentity
  /**
   * A worker's process has ended, `ms` after its start. Of one that ran out of
   * memory (`oom`) `why` says how, and `rss` what it held when it was last looked
   * at, in bytes.
   */
  | {
    readonly type: "worker-exited";
    readonly reason: ExitReason;
    readonly code: number | null;
    readonly signal: string | null;
    readonly ms: number;
    readonly why?: string | undefined;
    readonly rss?: number | undefined;
  } & WorkerIdentity
  /**
   * The worker of a slot has ended early, for the `crashes`-th time in a row:
   * there is a new one after `delay` milliseconds. `reason` is the program's own
   * error, or how it ended.
   */
  | {
    readonly type: "worker-respawning";
    readonly slot: number;
    readonly delay: number;
    readonly crashes: number;
    readonly reason: string;
  }
  /** What a worker does and did so far; on SIGCONT. */
  | { readonly type: "worker-status" } & WorkerStatus
  /** A worker wrote a line. */
  | {
    readonly type: "worker-output";
    readonly stream: "stdout" | "stderr";
    readonly line: string;
  } & WorkerIdentity
  /** A worker sent a message of the user's own. */
  | {
    readonly type: "worker-message";
    readonly message: unknown;
  } & WorkerIdentity
  /**
   * A worker's channel carried something that is no message, or that the worker
   * may not say. Of many from one worker some are told, and with the next how
   * many were not.
   */
  | {
    readonly type: "worker-noise";
    readonly problem: string;
    readonly untold?: number;
  } & WorkerIdentity
  /** A worker accepts on the shard of a slot that has no ready worker. */
  | {
    readonly type: "shard-adopted";
    readonly listener: string;
    readonly shard: number;
  } & WorkerIdentity
  /** A shard is back with its own slot. */
  | {
    readonly type: "shard-released";
    readonly listener: string;
    readonly shard: number;
  } & WorkerIdentity
  /** SIGUSR1: whoever has log files opens them anew; so many workers were told. */
  | { readonly type: "logs-reopening"; readonly workers: number }
  /** The pool can be asked from outside, by the Unix socket at a path. */
  | { readonly type: "control-opened"; readonly path: string }
  /** It cannot be, and why: it runs without. */
  | { readonly type: "control-off"; readonly reason: string }
  /**
   * Every wanted worker is ready, `ms` after the start; `pid` is this process
   * itself, and `name` the pool's where it was given one.
   */
  | {
    readonly type: "pool-ready";
    readonly workers: number;
    readonly ms: number;
    readonly pid: number;
    readonly name?: string | undefined;
  }
  /**
   * Fewer workers than wanted serve, and starting others does not help; the pool
   * goes on trying. Told once, with what failed last.
   */
  | {
    readonly type: "pool-degraded";
    readonly ready: number;
    readonly wanted: number;
    readonly reason: string;
  }
  /** The same, and no worker serves at all. */
  | {
    readonly type: "pool-down";
    readonly wanted: number;
    readonly reason: string;
  }
  /**
   * No worker has been ready for `downAfter`: clients of a listener are answered
   * "503 Service Unavailable", are refused, or wait in its queue, and why.
   */
  | {
    readonly type: "listener-down";
    readonly name: string;
    readonly address: string;
    readonly answer: "503" | "refuse" | "queue";
    readonly reason?: string;
  }
  /** That is over; so many clients were answered. */
  | {
    readonly type: "listener-up";
    readonly name: string;
    readonly address: string;
    readonly answered: number;
  }
  /** Every wanted worker has been ready for 10 s again; it took `ms`. */
  | {
    readonly type: "pool-recovered";
    readonly workers: number;
    readonly ms: number;
  }
  /** The number of wanted workers was changed; by the pool itself: why. */
  | {
    readonly type: "scaled";
    readonly from: number;
    readonly to: number;
    readonly reason?: string;
  }
  /**
   * A reload has begun. With `rollback` it starts the old version anew should it
   * fail, though old workers are to wait: there is no memory for them, and why.
   * `options` are the names of those that it brings, as in "env,grace".
   */
  | {
    readonly type: "reload-started";
    readonly generation: number;
    readonly options?: string;
    readonly rollback?: "restart";
    readonly why?: string;
  }
  /**
   * New workers serve in all slots, `ms` after the reload began. The old ones
   * wait in case one of these ends by itself.
   */
  | {
    readonly type: "reload-probation";
    readonly generation: number;
    readonly ms: number;
  }
  /**
   * A new worker has failed, as the reason says, and what served before takes
   * over again; `reload-failed` follows when it has.
   */
  | {
    readonly type: "reload-rollback";
    readonly generation: number;
    readonly reason: string;
  }
  /**
   * Every worker belongs to the new generation, and the old ones are gone;
   * `inQueue` connections wait in the kernel to be accepted, where that is known.
   */
  | {
    readonly type: "reload-finished";
    readonly generation: number;
    readonly ms: number;
    readonly inQueue?: number | undefined;
  }
  /**
   * What became of the connections of one generation, just before a reload
   * ends; of the one that goes on so far.
   */
  | { readonly type: "reload-receipt" } & Receipt
  /**
   * The reload was given up after `ms`: what failed in which slot, and which generation
   * goes on serving in which slots, as in "generation 2 in slot 0, generation 1
   * in slots 1-3", which is `mixed`. `inQueue` as above.
   */
  | {
    readonly type: "reload-failed";
    readonly state: "failed" | "mixed";
    readonly generation: number;
    readonly ms: number;
    readonly inQueue?: number | undefined;
    readonly reason: string;
    readonly serving: string;
  }
  /** Another supervisor was started, which is to succeed this one. */
  | { readonly type: "upgrade-started"; readonly pid: number }
  /**
   * Every worker of the other supervisor is ready: it has the sockets from now
   * on, and this pool drains and ends, or stays.
   */
  | {
    readonly type: "upgrade-finished";
    readonly pid: number;
    readonly ms: number;
  }
  /** The other supervisor was given up, and why: this pool goes on. */
  | { readonly type: "upgrade-failed"; readonly reason: string }
  /**
   * This pool drains and stays, without workers, to go back to: for so many
   * milliseconds, beside the supervisor `pid`; as process 1 to the end.
   */
  | { readonly type: "kept"; readonly pid: number; readonly ms?: number }
  /** The supervisor `from`, which had succeeded this one, has ended. */
  | { readonly type: "taken-back"; readonly from: number }
  /** The sockets of the supervisor `from` are this one's own. */
  | { readonly type: "taken-over"; readonly from: number }
  /**
   * The pool stops; `quick` means without waiting for requests in flight. With a
   * `delay` it is to stop in so many milliseconds and serves on until then,
   * which a second event ends.
   */
  | {
    readonly type: "stopping";
    readonly quick: boolean;
    readonly delay?: number;
  }
  /** Nothing of the pool is left; the stop has killed so many workers. */
  | { readonly type: "stopped"; readonly killed: number }
  | WatchEvent
  /** Something that the operator should know. */
  | { readonly type: "warning"; readonly message: string };
