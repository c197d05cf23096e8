/**
 * What a supervisor tells whoever scrapes it. Counters are of all workers that
 * a slot has had, so that none falls when one ends.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { sumOfKnown, type Totals } from "../balance/totals.ts";
import type { PoolStatus, WorkerStatus } from "../events.ts";
import type { Listener } from "../listeners/listeners.ts";
import { Counters } from "./counters.ts";
import type { Family, Sample } from "../exposition/family.ts";
import { FAMILIES } from "./families.ts";
import { VERSION } from "../version.ts";

/** What is told of, beside the status. */
export interface MetricsSource {
  /** The runtime. */
  readonly adapter: Pick<Adapter, "host" | "runtime" | "version">;
  /** What the pool is called. */
  readonly name: string;
  /** Its sockets. */
  readonly listeners: readonly Listener[];
  /** The connections of those workers that are gone, by slot. */
  readonly gone: ReadonlyMap<number, Totals>;
}

/** The states of workers, which are told also where nobody is in one. */
const WORKER_STATES: Readonly<
  Record<Exclude<WorkerStatus["state"], "gone">, true>
> = {
  starting: true,
  standby: true,
  ready: true,
  parked: true,
  resuming: true,
  quiesced: true,
  draining: true,
  killed: true,
};

const POOL_STATES: Readonly<Record<PoolStatus["state"], true>> = {
  new: true,
  starting: true,
  running: true,
  drained: true,
  degraded: true,
  down: true,
  reloading: true,
  upgrading: true,
  stopping: true,
  stopped: true,
};

type Labels = Readonly<Record<string, string>>;

/** Makes families of what a pool is, and was. */
export class Metrics {
  /** What has happened. */
  readonly counters: Counters = new Counters();
  /** When the supervisor was started, in seconds since 1970. */
  readonly #since = Date.now() / 1000;
  /** The most that each counter has shown: what was read may be torn. */
  readonly #shown = new Map<string, number>();
  /** What runs the workers of a slot, as far as one was seen. */
  readonly #runtimes = new Map<number, string>();

  /** Takes a picture. */
  families(status: PoolStatus, source: MetricsSource): readonly Family[] {
    const samples = new Map<string, Sample[]>();
    const { name: pool } = source;
    const tell = (
      name: string,
      value: number | undefined,
      labels: Labels = {},
    ): void => {
      if (value === undefined) return;
      const all = { pool, ...labels };
      const list = samples.get(name) ?? [];
      samples.set(name, list);
      const isCounter = FAMILIES[name]!.type === "counter";
      list.push({
        labels: all,
        value: isCounter ? this.#rising(name, all, value) : value,
      });
    };
    this.#pool(status, source, tell);
    this.#listeners(status, source, tell);
    this.#workers(status, source, tell);
    return Object.entries(FAMILIES).map(([name, head]) => ({
      name,
      ...head,
      samples: samples.get(name) ?? [],
    }));
  }

  #rising(name: string, labels: Labels, value: number): number {
    const key = `${name} ${Object.values(labels).join("\n")}`;
    const most = Math.max(value, this.#shown.get(key) ?? 0);
    this.#shown.set(key, most);
    return most;
  }

  #pool(status: PoolStatus, { adapter }: MetricsSource, tell: Tell): void {
    const { host, runtime, version: runtime_version } = adapter;
    const { starts, hangs, exits, reloads } = this.counters;
    tell("prefork_build", 1, { version: VERSION, runtime, runtime_version });
    tell("prefork_start_time_seconds", this.#since);
    for (const state of Object.keys(POOL_STATES)) {
      tell("prefork_pool_state", Number(status.state === state), { state });
    }
    tell("prefork_generation", status.generation);
    for (const state of Object.keys(WORKER_STATES)) {
      const { length } = status.workers.filter((each) => each.state === state);
      tell("prefork_workers", length, { state });
    }
    tell("prefork_workers_wanted", status.wanted);
    tell("prefork_worker_starts", starts);
    tell("prefork_worker_hangs", hangs);
    for (const [reason, count] of exits) {
      tell("prefork_worker_exits", count, { reason });
    }
    for (const [verdict, count] of reloads) {
      tell("prefork_reloads", count, { verdict });
    }
    const { steering } = status;
    if (steering !== undefined) {
      tell("prefork_steering", 1, { by: steering.by });
      tell("prefork_worker_helps", steering.helped);
    }
    tell("prefork_connections_waiting", status.waiting);
    const { cpu, rss } = host.usage(host.pid) ?? {};
    tell("prefork_supervisor_cpu_seconds", cpu && cpu / 1000);
    tell("prefork_supervisor_resident_memory_bytes", rss);
  }

  #listeners(
    { listeners: told }: PoolStatus,
    { listeners, adapter: { host } }: MetricsSource,
    tell: Tell,
  ): void {
    for (const { name, address, mode } of listeners) {
      const of = { listener: name };
      tell("prefork_listener", 1, { ...of, address, share: mode });
      tell(
        "prefork_connections_declined",
        this.counters.declined.get(name),
        of,
      );
      const { queue, buffer } = told.find((each) => each.name === name) ?? {};
      tell("prefork_receive_buffer_bytes", buffer?.bytes, of);
      tell("prefork_receive_buffer_limit_bytes", buffer?.limit, of);
      tell("prefork_datagrams_dropped", buffer?.drops, of);
      tell("prefork_accept_queue_length", queue?.length, of);
      tell("prefork_accept_queue_limit", queue?.limit, of);
    }
    const { overflows, drops } = host.dropped() ?? {};
    tell("prefork_kernel_listen_overflows", overflows);
    tell("prefork_kernel_listen_drops", drops);
  }

  #workers(
    { workers, listeners, steering }: PoolStatus,
    { gone }: MetricsSource,
    tell: Tell,
  ): void {
    for (const { slot, runtime } of workers) this.#runtimes.set(slot, runtime);
    // Elsewhere nobody counts, and 0 would be a lie.
    const counts = steering?.by === "ebpf" ||
      listeners.some(({ share }) =>
        share === "balanced" || share === "handoff"
      );
    for (const [slot, runtime] of this.#runtimes) {
      const own = workers.filter((each) => each.slot === slot);
      const of = { slot: String(slot), runtime };
      const before = gone.get(slot);
      if (counts) {
        const all = (name: keyof Totals): number =>
          sumOfKnown([...own.map((each) => each[name]), before?.[name]]) ?? 0;
        const open = own.map(({ connections }) => connections);
        tell("prefork_worker_connections", sum(open), of);
        tell("prefork_worker_connections_accepted", all("accepted"), of);
        tell("prefork_worker_connections_passed_on", all("passedOn"), of);
        tell("prefork_worker_connections_taken_over", all("takenOver"), of);
      }
      tell(
        "prefork_worker_requests",
        sumOfKnown([...own.map((each) => each.requests), before?.requests]),
        of,
      );
      const serving = own.find(({ state }) => state === "ready") ?? own[0];
      tell("prefork_worker_busy_ratio", serving?.busy, of);
      tell(
        "prefork_worker_event_loop_lag_seconds",
        serving?.lag && serving.lag / 1000,
        { ...of, quantile: "0.99" },
      );
      tell("prefork_worker_age_seconds", serving && serving.age / 1000, of);
      const held = own.flatMap(({ rss }) => rss ?? []);
      if (held.length > 0) {
        tell("prefork_worker_resident_memory_bytes", sum(held), of);
      }
      const used = sumOfKnown([...own.map(({ cpu }) => cpu), before?.cpu]);
      tell("prefork_worker_cpu_seconds", used && used / 1000, of);
    }
  }
}

type Tell = (
  name: string,
  value: number | undefined,
  labels?: Labels,
) => void;

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
