/**
 * A picture of a pool at one moment.
 *
 * @module
 */

import type { PoolContext } from "./context.ts";
import type {
  PoolEvent,
  PoolState,
  PoolStatus,
  WorkerLoad,
  WorkerStatus,
} from "./events.ts";
import { bufferOf, queueOfAll } from "./listeners/queue.ts";
import type { Supervisor } from "./supervise/supervisor.ts";
import { pidOf } from "./worker.ts";

/** What {@linkcode statusOf} looks at. */
export interface StatusSource
  extends Partial<Pick<PoolContext, "adapter" | "listeners" | "traffic">> {
  /** Undefined until the pool was started. */
  readonly supervisor?: Supervisor;
  /** True while a successor is being started. */
  readonly upgrading: boolean;
  /** There while the program shows where it listens. */
  readonly learning: { readonly stopping: boolean } | undefined;
  /** True when nothing is left. */
  readonly ended: boolean;
  /** True while it serves on, and is to stop. */
  readonly leaving: boolean;
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
  const most = adapter?.host.sysctl("net.core.somaxconn") ?? Infinity;
  const workers: WorkerStatus[] = [];
  const { steering, helped = 0 } = traffic ?? {};
  const sharded = listeners.filter(({ mode }) => mode === "sharded");
  const slots = [
    ...supervisor?.slots.values() ?? [],
    ...supervisor?.standbys.slots ?? [],
  ];
  for (const slot of slots) {
    for (const worker of slot.workers) {
      const usage = adapter?.host.usage(pidOf(worker));
      worker.used(usage?.cpu);
      workers.push({
        slot: worker.slot,
        generation: worker.generation,
        pid: worker.process.pid,
        state: worker.state,
        runtime: worker.runtime,
        age: Math.round(now - worker.startedAt),
        restarts: slot.restarts,
        ...(adapter && sharded.length > 0 && {
          queue: queueOfAll(sharded, adapter.host, most, worker.slot),
        }),
        ...(loadOf?.(worker) ?? NO_LOAD),
        ...usage,
        ...(worker.statusText && { statusText: worker.statusText }),
      });
    }
  }
  return {
    state: poolState(source),
    generation: supervisor?.generation ?? 0,
    reload: supervisor?.transaction.reloads.status(now),
    wanted: supervisor?.wanted ?? 0,
    ready: workers.filter(({ state }) => state === "ready").length,
    listeners: [
      ...listeners,
      ...supervisor?.processes.onDemand.listeners ?? [],
    ].map((listener) => ({
      name: listener.name,
      address: listener.address,
      share: listener.mode,
      ...(adapter && {
        queue: queueOfAll([listener], adapter.host, most),
        buffer: bufferOf(listener, adapter.host),
      }),
    })),
    ...(steering?.status && { steering: { ...steering.status, helped } }),
    workers,
    waiting: traffic?.waiting ?? 0,
  };
}

function poolState(
  { supervisor, learning, upgrading, ended, leaving, announced }: StatusSource,
): PoolState {
  if (ended) return "stopped";
  if (learning !== undefined) {
    return learning.stopping ? "stopping" : "starting";
  }
  if (supervisor === undefined) return "new";
  if (supervisor.stopping || leaving) return "stopping";
  if (!announced) return "starting";
  if (upgrading) return "upgrading";
  const { health: { state }, transaction } = supervisor;
  if (state === "down") return "down";
  if (transaction.goesOn) return "reloading";
  if (state !== "well") return "degraded";
  return supervisor.wanted === 0 ? "drained" : "running";
}

/** What each worker does, and a reload that failed, as events. */
export function reportOf(
  { workers, reload }: PoolStatus,
): readonly PoolEvent[] {
  const report = workers.map((worker): PoolEvent => ({
    type: "worker-status",
    ...worker,
  }));
  if (reload?.reason === undefined) return report;
  const { generation, reason } = reload;
  const message =
    `the reload to generation ${generation} was given up, ${reason}; the lines above say which generation serves`;
  return [...report, { type: "warning", message }];
}
