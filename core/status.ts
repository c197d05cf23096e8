/**
 * A picture of a pool at one moment.
 *
 * @module
 */

import type { Adapter, ShareMode } from "./adapter.ts";
import type { Listener } from "./listeners/listeners.ts";
import type { WorkerRuntime } from "./options/options.ts";
import type { Supervisor } from "./supervise/supervisor.ts";
import type { Traffic, WorkerLoad } from "./balance/traffic.ts";
import type { WorkerState } from "./supervise/state.ts";

/** What a pool is doing. */
export type PoolState =
  /** Made, not started. */
  | "new"
  /** Started, and not every worker has been ready yet. */
  | "starting"
  /** Every worker has been ready. */
  | "running"
  /** A reload is going on. */
  | "reloading"
  /** Workers drain for good. */
  | "stopping"
  /** Nothing is left. */
  | "stopped";

/** A listener in a {@linkcode PoolStatus}. */
export interface ListenerStatus {
  /** Its name. */
  readonly name: string;
  /** Its real address. */
  readonly address: string;
  /** How it is shared. */
  readonly share: ShareMode;
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
}

/** A picture of a pool. */
export interface PoolStatus {
  /** What it is doing. */
  readonly state: PoolState;
  /** The generation that serves, from 1. */
  readonly generation: number;
  /** How many workers are wanted. */
  readonly wanted: number;
  /** How many are ready. */
  readonly ready: number;
  /** Its listeners; those that workers asked for come after its own. */
  readonly listeners: readonly ListenerStatus[];
  /** Its workers, by slot; those that leave come after those that serve. */
  readonly workers: readonly WorkerStatus[];
  /** Connections that wait here for a worker: in `handoff` for a free one. */
  readonly waiting: number;
}

/** What {@linkcode statusOf} looks at. */
export interface StatusSource {
  /** Undefined until the pool was started. */
  readonly supervisor?: Supervisor;
  /** Time. */
  readonly adapter?: Adapter;
  /** The listeners. */
  readonly listeners?: readonly Listener[];
  /** Who holds which connections. */
  readonly traffic?: Traffic;
  /** True when nothing is left. */
  readonly ended: boolean;
  /** True once every worker has been ready. */
  readonly announced: boolean;
}

const NO_LOAD: WorkerLoad = {
  connections: 0,
  accepted: 0,
  passedOn: 0,
  takenOver: 0,
};

/** Takes the picture. */
export function statusOf(source: StatusSource): PoolStatus {
  const { supervisor, adapter, listeners = [], traffic } = source;
  const now = adapter?.clock.now() ?? 0;
  const loadOf = traffic?.loads();
  const workers: WorkerStatus[] = [];
  for (const slot of supervisor?.slots.values() ?? []) {
    for (const worker of slot.workers) {
      workers.push({
        slot: slot.slot,
        generation: worker.generation,
        pid: worker.process.pid,
        state: worker.state,
        runtime: worker.runtime,
        age: Math.round(now - worker.startedAt),
        restarts: slot.restarts,
        ...(loadOf?.(worker) ?? NO_LOAD),
      });
    }
  }
  return {
    state: stateOf(source),
    generation: supervisor?.generation ?? 0,
    wanted: supervisor?.wanted ?? 0,
    ready: workers.filter(({ state }) => state === "ready").length,
    listeners: [
      ...listeners,
      ...supervisor?.crew.opened.listeners ?? [],
    ].map(({ name, address, mode }) => ({
      name,
      address,
      share: mode,
    })),
    workers,
    waiting: traffic?.waiting ?? 0,
  };
}

function stateOf(
  { supervisor, ended, announced }: StatusSource,
): PoolState {
  if (ended) return "stopped";
  if (supervisor === undefined) return "new";
  if (supervisor.stopping) return "stopping";
  if (!announced) return "starting";
  return supervisor.reloads.active === undefined ? "running" : "reloading";
}
