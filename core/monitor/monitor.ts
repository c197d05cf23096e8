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
import type { PoolStatus } from "../events.ts";
import type { Heritage } from "../listeners/heritage.ts";
import {
  abandonListeners,
  closeListeners,
  type Listener,
} from "../listeners/listeners.ts";
import { formatAddress, type ListenerSpec } from "../options/address.ts";
import type { PoolConfig } from "../options/options.ts";
import { healthPages, type Page, text } from "./health.ts";

/** What {@linkcode Monitor.open} needs. */
export interface MonitorPlan {
  /** The options. */
  readonly config: Pick<PoolConfig, "health" | "minReady">;
  /** The runtime, which accepts while it is this supervisor's turn. */
  readonly adapter: Adapter;
  /** What a predecessor has opened. */
  readonly heritage: Heritage | undefined;
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
  readonly #pool: MonitoredPool;
  readonly #ends: readonly Disposable[];
  /** How it was when it became another supervisor's turn. */
  #last: PoolStatus | undefined;
  #left = false;

  private constructor(
    pool: MonitoredPool,
    listeners: readonly Listener[],
    ends: readonly Disposable[],
  ) {
    this.#pool = pool;
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
    { config, adapter, heritage }: MonitorPlan,
  ): Promise<Monitor> {
    const listeners: Listener[] = [];
    const ends: Disposable[] = [];
    const monitor = new Monitor(pool, listeners, ends);
    const status = (): PoolStatus => monitor.#last ?? pool.status();
    try {
      for (const [spec, pages] of sitesOf(config)) {
        const socket = await bindSite(spec, adapter, heritage);
        listeners.push(listenerOf(spec, socket));
        const answering = adapter.answer(answerBy(pages, status));
        const accepting = accept(socket, spec, adapter, answering);
        ends.push(accepting, answering);
      }
    } catch (error) {
      monitor[Symbol.dispose]();
      throw error;
    }
    return monitor;
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

/** What is answered where. */
function sitesOf(
  { health, minReady }: MonitorPlan["config"],
): readonly (readonly [ListenerSpec, Readonly<Record<string, Page>>])[] {
  return health === undefined ? [] : [[health, healthPages(minReady)]];
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
  return heritage?.takeMonitor(asked) ??
    await adapter.bind({ ...spec, reusePort: false, listen: false });
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
export function answerBy(
  pages: Readonly<Record<string, Page>>,
  status: () => PoolStatus,
): Answer {
  const known = Object.keys(pages).join(" and ");
  return ({ method, path }) => {
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    return Promise.resolve(
      page === undefined
        ? text(404, `"${path}" is not answered here, there are ${known}`)
        : method !== "GET" && method !== "HEAD"
        ? allowing(text(405, `"${path}" is asked by GET or HEAD`))
        : page(status()),
    );
  };
}

function allowing(answer: TextAnswer): TextAnswer {
  return { ...answer, headers: { ...answer.headers, allow: "GET, HEAD" } };
}
