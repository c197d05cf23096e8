/**
 * Where a pool can be asked from outside, as long as it runs.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { messageOf } from "../errors.ts";
import type { PoolEvent } from "../events.ts";
import type { Listener } from "../listeners/listeners.ts";
import type { PoolConfig } from "../options/options.ts";
import { nameOf } from "./name.ts";
import type { Answer, ControlPlace, ControlSocket } from "./socket.ts";
import { answerFor, type ControlledPool } from "./verbs.ts";

/** What {@linkcode Control} has of its pool. */
export interface ControlContext {
  /** The runtime. */
  readonly adapter: Pick<Adapter, "control" | "host" | "runtime" | "version">;
  /** The options. */
  readonly config: Pick<PoolConfig, "control" | "name">;
  /** The bound sockets. */
  readonly listeners: readonly Pick<Listener, "address">[];
  /** There where a predecessor can be asked until it has handed over. */
  readonly heritage?: { readonly isAlone: boolean } | undefined;
  /** What is answered beside the verbs. */
  readonly monitor?: {
    /** At which paths. */
    readonly paths: readonly string[];
    /** How. */
    readonly answer: Answer;
  };
  /** Tells the user. */
  emit(event: PoolEvent): void;
}

/** A pool that can be asked, and of which is heard what becomes of it. */
export interface ControlPool extends ControlledPool {
  /** See {@linkcode PoolCore.on}. */
  on(
    type: "taken-over" | "taken-back" | "upgrade-finished",
    listener: () => unknown,
  ): Disposable;
}

/** The place where a pool can be asked. Nothing that fails here stops a pool. */
export class Control implements Disposable {
  readonly #pool: ControlledPool;
  readonly #context: ControlContext;
  readonly #turns: readonly Disposable[];
  #socket: ControlSocket | undefined;
  #disposed = false;

  /**
   * Opens it, and says by an event where it is, or why there is none. It is the
   * successor's as long as that has the sockets.
   */
  constructor(pool: ControlPool, context: ControlContext) {
    this.#pool = pool;
    this.#context = context;
    this.#turns = [
      pool.on("taken-over", () => this.#open()),
      pool.on("taken-back", () => this.#open()),
      pool.on("upgrade-finished", () => this.#close()),
    ];
    if (context.heritage?.isAlone ?? true) void this.#open();
  }

  async #open(): Promise<void> {
    const { adapter, config, emit } = this.#context;
    if (config.control === "off" || this.#disposed) return;
    const { host, runtime, version } = adapter;
    const name = nameOf(config, this.#context.listeners, host);
    const place: ControlPlace = config.control === "auto"
      ? { name }
      : { path: host.resolve(config.control) };
    const verbs = answerFor(this.#pool, {
      name,
      pid: host.pid,
      runtime: `${runtime} ${version}`,
    });
    const { monitor } = this.#context;
    const answer: Answer = (request) =>
      monitor?.paths.includes(request.path) === true
        ? monitor.answer(request)
        : verbs(request);
    try {
      this.#socket = await adapter.control(place, answer);
      // The pool may have ended meanwhile.
      if (this.#disposed) return this.#socket.close();
      emit({ type: "control-opened", path: this.#socket.path });
    } catch (error) {
      if (this.#disposed) return;
      emit({ type: "control-off", reason: messageOf(error) });
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const turn of this.#turns) turn[Symbol.dispose]();
    this.#close();
  }

  #close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
