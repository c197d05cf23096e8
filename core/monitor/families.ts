/**
 * Every metric that a supervisor tells. `docs/METRICS.md` has the same table,
 * which a test holds against this one.
 *
 * @module
 */

import type { Family } from "../exposition/family.ts";

/** What is said of a family before its numbers. */
export type Head = Pick<Family, "type" | "unit" | "help"> & {
  /** Its labels, beside `pool`. */
  readonly labels: readonly string[];
};

const SLOT: readonly string[] = ["slot", "runtime"];

const gauge = (help: string, ...labels: readonly string[]): Head => ({
  type: "gauge",
  help,
  labels,
});

const counter = (help: string, ...labels: readonly string[]): Head => ({
  type: "counter",
  help,
  labels,
});

/** The families by name. */
export const FAMILIES: Readonly<Record<string, Head>> = {
  prefork_build: {
    type: "info",
    help: "The version of prefork, and what runs the supervisor.",
    labels: ["version", "runtime", "runtime_version"],
  },
  prefork_start_time_seconds: {
    type: "gauge",
    unit: "seconds",
    help: "When this supervisor started, in seconds since 1970.",
    labels: [],
  },
  prefork_pool_state: gauge(
    "1 for what the pool is doing, 0 for all else it could.",
    "state",
  ),
  prefork_generation: gauge(
    "The generation that the last finished reload brought.",
  ),
  prefork_workers: gauge("Workers by where they are in their life.", "state"),
  prefork_workers_wanted: gauge("How many workers are wanted."),
  prefork_worker_starts: counter("Worker processes that were started."),
  prefork_worker_exits: counter(
    "Worker processes that have ended, and why.",
    "reason",
  ),
  prefork_worker_hangs: counter(
    "Workers that did not answer and were killed for it.",
  ),
  prefork_reloads: counter("Reloads that are over.", "verdict"),
  prefork_listener: {
    type: "info",
    help: "Where the pool listens, and how that is shared.",
    labels: ["listener", "address", "share"],
  },
  prefork_accept_queue_length: gauge(
    "Connections that wait in the kernel to be accepted.",
    "listener",
  ),
  prefork_accept_queue_limit: gauge(
    "How many may wait there.",
    "listener",
  ),
  prefork_receive_buffer_bytes: gauge(
    "Bytes of datagrams that wait in the kernel to be read.",
    "listener",
  ),
  prefork_receive_buffer_limit_bytes: gauge(
    "How many may wait there.",
    "listener",
  ),
  prefork_datagrams_dropped: counter(
    "Datagrams that found no room there.",
    "listener",
  ),
  prefork_kernel_listen_overflows: counter(
    "Connections that found an accept queue full, of all sockets of this network namespace.",
  ),
  prefork_kernel_listen_drops: counter(
    "The same, and those that were dropped for other reasons.",
  ),
  prefork_steering: {
    type: "info",
    help: "What chooses the shard of a new connection.",
    labels: ["by"],
  },
  prefork_worker_helps: counter(
    "How often an idle worker was told to accept for one that was held up.",
  ),
  prefork_connections_waiting: gauge(
    "Connections that wait in the supervisor for a worker.",
  ),
  prefork_connections_declined: counter(
    "Clients that the supervisor has told to come again, while no worker served.",
    "listener",
  ),
  prefork_worker_connections: gauge("Open connections of workers.", ...SLOT),
  prefork_worker_connections_accepted: counter(
    "Connections that workers have accepted and kept, or were given.",
    ...SLOT,
  ),
  prefork_worker_connections_passed_on: counter(
    "Connections that workers have accepted and passed on to others.",
    ...SLOT,
  ),
  prefork_worker_connections_taken_over: counter(
    "Connections that workers were passed by others.",
    ...SLOT,
  ),
  prefork_worker_requests: counter(
    "Requests that workers have begun.",
    ...SLOT,
  ),
  prefork_worker_busy_ratio: {
    type: "gauge",
    unit: "ratio",
    help: "The part of the last second or so that the event loop was busy.",
    labels: SLOT,
  },
  prefork_worker_event_loop_lag_seconds: {
    type: "summary",
    unit: "seconds",
    help: "How late the timers of the event loop were in the last minute.",
    labels: [...SLOT, "quantile"],
  },
  prefork_worker_cpu_seconds: {
    type: "counter",
    unit: "seconds",
    help: "CPU that workers have used.",
    labels: SLOT,
  },
  prefork_worker_resident_memory_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "Memory of workers (resident set).",
    labels: SLOT,
  },
  prefork_worker_age_seconds: {
    type: "gauge",
    unit: "seconds",
    help: "How long ago the worker that serves was started.",
    labels: SLOT,
  },
  prefork_supervisor_cpu_seconds: {
    type: "counter",
    unit: "seconds",
    help: "CPU that the supervisor has used.",
    labels: [],
  },
  prefork_supervisor_resident_memory_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "Memory of the supervisor (resident set).",
    labels: [],
  },
};
