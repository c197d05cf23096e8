/**
 * The addresses where the supervisor itself answers how its pool is. Their
 * sockets go from one supervisor to the next like those of the workers, and are
 * accepted on by whoever of them serves.
 *
 * @module
 */

import type { Adapter, HeldSocket } from "../adapter.ts";
import type { Answer, Answering, TextAnswer } from "../control/socket.ts";
import { PreforkError } from "../errors.ts";
import type { Traffic } from "../balance/traffic.ts";
import { nameOf } from "../control/name.ts";
import type { EventStream } from "../event_stream.ts";
import type { PoolEvent, PoolStatus } from "../events.ts";
import type { Heritage } from "../listeners/heritage.ts";
import { inheritedBy, siteOf } from "../inherited/match.ts";
import {
  abandonListeners,
  closeListeners,
  type Listener,
} from "../listeners/listeners.ts";
import { formatAddress, type ListenerSpec } from "../options/address.ts";
import type { PoolConfig } from "../options/options.ts";
import { exposition } from "./exposition.ts";
import { healthPages, type Pages, textAnswer } from "./health.ts";
import { Metrics } from "./metrics.ts";

/** What {@linkcode Monitor.open} needs. */
export interface MonitorPlan {
  /** The options. */
  readonly config: Pick<
    PoolConfig,
    "health" | "metrics" | "minReady" | "name"
  >;
  /** The runtime, which accepts while it is this supervisor's turn. */
  readonly adapter: Adapter;
  /** What a predecessor has opened. */
  readonly heritage: Heritage | undefined;
  /** What happens in the pool. */
  readonly events: Pick<EventStream<PoolEvent>, "listen">;
  /** What there is of it, once it runs. */
  running(): RunningPool | undefined;
}

/** What is told of a pool beside its status. */
export interface RunningPool {
  /** Its sockets. */
  readonly listeners: readonly Listener[];
  /** Its connections. */
  readonly traffic: Pick<Traffic, "gone" | "told">;
}

/** The pool that is asked for. */
interface MonitoredPool {
  /** See {@linkcode PoolCore.status}. */
  status(): PoolStatus;
}

/** Answers from before the first worker until the pool has ended. */
export class Monitor implements Disposable {
  /** The sockets, for a successor. */
  readonly listeners: readonly Listener[];
  /** Answers for every page there is, whatever addresses there are. */
  readonly answer: Answer;
  /** The paths of those. */
  readonly paths: readonly string[];
  readonly #pool: MonitoredPool;
  readonly #ends: readonly Disposable[];
  /** How it was when it became another supervisor's turn. */
  #last: PoolStatus | undefined;
  #left = false;

  private constructor(
    pool: MonitoredPool,
    pages: Pages,
    listeners: readonly Listener[],
    ends: readonly Disposable[],
  ) {
    this.#pool = pool;
    this.paths = Object.keys(pages);
    this.answer = answerBy(pages, () => this.#status());
    this.listeners = listeners;
    this.#ends = ends;
  }

  /**
   * Binds the addresses and answers.
   *
   * @throws {PreforkError} `ERR_BIND` when one of them cannot be bound
   */
  static async open(
    pool: MonitoredPool,
    plan: MonitorPlan,
  ): Promise<Monitor> {
    const { config, adapter, heritage } = plan;
    const listeners: Listener[] = [];
    const metrics = new Metrics();
    const ends = [plan.events.listen((event) => metrics.counters.hear(event))];
    const health = healthPages(config.minReady);
    const told = metricsPages(metrics, plan);
    const all = { ...health, ...told };
    const monitor = new Monitor(pool, all, listeners, ends);
    try {
      for (const [spec, pages] of sitesOf(config, health, told)) {
        const socket = await bindSite(spec, adapter, heritage);
        listeners.push(listenerOf(spec, socket));
        const answer = answerBy(pages, () => monitor.#status());
        const answering = adapter.answer(answer);
        const accepting = accept(socket, spec, adapter, answering);
        ends.push(accepting, answering);
      }
    } catch (error) {
      monitor[Symbol.dispose]();
      throw error;
    }
    return monitor;
  }

  #status(): PoolStatus {
    return this.#last ?? this.#pool.status();
  }

  /**
   * It is another supervisor's turn: whoever has come here before is told what
   * was so then, and not that workers leave.
   */
  rest(): void {
    this.#last ??= this.#pool.status();
  }

  /** It is this supervisor's turn again. */
  serve(): void {
    this.#last = undefined;
  }

  /** Another process has the sockets too, and goes on. */
  leave(): void {
    this.rest();
    if (!this.#left) abandonListeners(this.listeners);
    this.#left = true;
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends) end[Symbol.dispose]();
    if (!this.#left) closeListeners(this.listeners);
    this.#left = true;
  }
}

/** What is answered where: at one address all that is asked for there. */
function sitesOf(
  { health, metrics }: MonitorPlan["config"],
  healthPages: Pages,
  metricsPages: Pages,
): readonly (readonly [ListenerSpec, Pages])[] {
  const sites = new Map<string, readonly [ListenerSpec, Pages]>();
  const wanted = [[health, healthPages], [metrics, metricsPages]] as const;
  for (const [spec, pages] of wanted) {
    if (spec === undefined) continue;
    const address = formatAddress(spec.address);
    const [first = spec, others] = sites.get(address) ?? [];
    sites.set(address, [first, { ...others, ...pages }]);
  }
  return [...sites.values()];
}

function metricsPages(metrics: Metrics, plan: MonitorPlan): Pages {
  const { adapter, config, running } = plan;
  return {
    "/metrics": (status, accept) => {
      const { listeners = [], traffic } = running() ?? {};
      const name = nameOf(config, listeners, adapter.host);
      const gone = traffic?.gone ?? new Map();
      const source = { adapter, name, listeners, gone };
      const own = metrics.families(status, source);
      return exposition(
        [...own, ...traffic?.told.families(name) ?? []],
        accept,
      );
    },
  };
}

/**
 * Binds an address where the supervisor answers.
 *
 * @throws {PreforkError} `ERR_BIND` when it cannot be bound, or not answered on
 */
export async function bindSite(
  spec: ListenerSpec,
  adapter: Adapter,
  heritage?: Heritage,
): Promise<HeldSocket> {
  const asked = formatAddress(spec.address);
  const { handoff: can } = adapter.capabilities.share;
  if (can !== true) {
    throw new PreforkError(
      "ERR_BIND",
      `Cannot bind "${asked}": the supervisor cannot answer there, because ${can.reason}, leave that address out or use ${can.instead}`,
    );
  }
  const known = heritage?.takeMonitor(asked);
  if (known !== undefined) return known;
  const { host } = adapter;
  // A successor's parent is its predecessor.
  const there = heritage?.isAlone ?? true
    ? siteOf(spec, inheritedBy(host, heritage === undefined), host)
    : spec;
  return await adapter.bind({ ...there, reusePort: false, listen: false });
}

function listenerOf(spec: ListenerSpec, socket: HeldSocket): Listener {
  const address = formatAddress(socket.address);
  return {
    asked: formatAddress(spec.address),
    name: address,
    address,
    mode: "handoff",
    reason: "the supervisor answers",
    backlog: spec.backlog,
    ipv6Only: spec.ipv6Only,
    listens: false,
    sockets: [socket],
  };
}

function accept(
  socket: HeldSocket,
  { backlog }: ListenerSpec,
  adapter: Adapter,
  answering: Answering,
): Disposable {
  return adapter.accept(
    socket,
    backlog,
    (connection) => answering.take(connection),
  );
}

/** Answers requests for pages, as HTTP wants it (RFC 9110). */
function answerBy(
  pages: Pages,
  status: () => PoolStatus,
): Answer {
  const known = Object.keys(pages).join(" and ");
  return ({ method, path, accept }) => {
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    return Promise.resolve(
      page === undefined
        ? textAnswer(404, `"${path}" is not answered here, there are ${known}`)
        : method !== "GET" && method !== "HEAD"
        ? allowing(textAnswer(405, `"${path}" is asked by GET or HEAD`))
        : page(status(), accept),
    );
  };
}

function allowing(answer: TextAnswer): TextAnswer {
  return { ...answer, headers: { ...answer.headers, allow: "GET, HEAD" } };
}
