/**
 * Where a program listens, for a pool that was not told: the program is started
 * once before the workers, as one that nobody connects to. Each address that it
 * asks for is bound, so that it hears what is in use, but never accepted on.
 * When the program has come to rest it is ended like any worker, and the pool
 * opens the same addresses for all.
 *
 * @module
 */

import type { Adapter, ExitStatus } from "../adapter.ts";
import { Traffic } from "../balance/traffic.ts";
import type { PoolContext } from "../context.ts";
import { LEARNING } from "../launch/environment.ts";
import { PreforkError, stateError } from "../errors.ts";
import type { PoolEvent } from "../events.ts";
import { Addresses, poolAddresses } from "../listeners/learning.ts";
import type { Place } from "../preflight.ts";
import type { ListenerSpec } from "../options/address.ts";
import type { PoolWorker } from "../worker.ts";
import { diagnose } from "./diagnosis.ts";
import { Processes } from "./processes.ts";
import type { ExitReason } from "./state.ts";

/**
 * How long a program has to ask for one more address, in ms, after it has
 * listened on the one before.
 */
export const REST_MS = 100;

/**
 * How long the program then has to end, in ms, at most: nobody connects to it,
 * so what many wait for in a handler of SIGTERM is nothing to wait for here.
 */
export const END_MS = 2_000;

/** What a start of a program shows. */
export class Learning {
  /** True once it is to end early. */
  stopping = false;
  readonly #context: PoolContext;
  readonly #slot: number;
  readonly #addresses: Addresses;
  readonly #processes: Processes;
  readonly #done = Promise.withResolvers<readonly ListenerSpec[]>();
  #worker: PoolWorker | undefined;
  #rest: Disposable | undefined;
  #ready = false;
  #asked = false;
  #found: readonly ListenerSpec[] | undefined;

  /** Prepares it. */
  constructor(
    place: Place,
    adapter: Adapter,
    emit: (event: PoolEvent) => void,
  ) {
    const { config } = place;
    this.#context = {
      ...place,
      config: { ...config, grace: Math.min(config.grace, END_MS) },
      adapter,
      listeners: [],
      traffic: new Traffic(config, [], adapter, emit),
      emit: (event) => this.#isTold(event) && emit(event),
      post: (task) => void Promise.resolve().then(task),
    };
    // What is done in one slot alone is most often done in the first: the last
    // one shows what all workers do.
    this.#slot = place.workers - 1;
    this.#addresses = new Addresses(this.#context, () => this.#settle());
    this.#processes = new Processes(this.#context, {
      onReady: () => {
        this.#ready = true;
        this.#settle();
      },
      onLeaving: () => {},
      onGone: (_worker, reason, status) => this.#onGone(reason, status),
    }, this.#addresses);
  }

  /**
   * Starts the program and resolves with what the pool is to listen on, once
   * the program has ended again.
   *
   * @throws {PreforkError} `ERR_BOOT` or `ERR_SPAWN` when the program does not
   * come up, `ERR_BIND` when that is because an address cannot be bound,
   * `ERR_STATE` when it was stopped
   */
  learn(): Promise<readonly ListenerSpec[]> {
    try {
      const worker = this.#processes.start(this.#slot, LEARNING);
      this.#worker = worker;
      const { onFreed } = worker;
      worker.onFreed = () => {
        onFreed?.();
        if (this.#asked && worker.free) this.#conclude();
      };
      const reason = "the program is started once to see where it listens";
      this.#context.emit({ type: "learning", ...worker.identity, reason });
    } catch (error) {
      this.#done.reject(error);
    }
    return this.#done.promise;
  }

  /** Ends it early. */
  stop(quick: boolean): void {
    this.stopping = true;
    this.#end(quick ? "kill" : "drain");
  }

  /** It has listened once more: what comes next is waited for. */
  #settle(): void {
    this.#rest?.[Symbol.dispose]();
    this.#asked = false;
    if (!this.#ready) return;
    this.#wait(REST_MS, () => this.#ask());
  }

  #wait(ms: number, then: () => void): void {
    const { adapter, post } = this.#context;
    this.#rest = adapter.clock.after(ms, () => post(then));
  }

  /**
   * A program that was kept from running has not come to rest, and one that has
   * closed all its servers is about to listen.
   */
  #ask(): void {
    const { asked, left } = this.#addresses;
    if (asked.length > 0) {
      this.#asked = this.#worker?.tell({ type: "wake" }) ?? false;
    } else if (!left) return this.#conclude();
    this.#wait(this.#context.config.startTimeout, () => this.#conclude());
  }

  #conclude(): void {
    const { privatePorts } = this.#context.config;
    this.#found ??= poolAddresses(this.#addresses.asked, privatePorts);
    this.#end("drain");
  }

  #end(how: "drain" | "kill"): void {
    this.#asked = false;
    this.#rest?.[Symbol.dispose]();
    if (this.#worker !== undefined) this.#processes.step(this.#worker, how);
  }

  /** It is no worker, and how it ends once it has shown all is no news. */
  #isTold({ type }: PoolEvent): boolean {
    switch (type) {
      case "worker-started":
      case "worker-ready":
      case "worker-draining":
        return false;
      case "worker-killed":
      case "worker-exited":
        return this.#found === undefined;
      default:
        return true;
    }
  }

  #onGone(reason: ExitReason, status: ExitStatus): void {
    this.#end("kill");
    this.#addresses.close();
    this.#context.traffic.close();
    const worker = this.#worker!;
    if (this.stopping) this.#done.reject(stateError("start", "it was stopped"));
    else if (this.#found !== undefined) this.#done.resolve(this.#found);
    else {
      const how = diagnose(worker, reason, status);
      this.#done.reject(
        this.#addresses.failure ??
          new PreforkError("ERR_BOOT", `Cannot start the program: ${how}`),
      );
    }
  }
}
